/**
 * The value of an environment variable, where there is an environment.
 *
 * @param {string} name
 */
export declare function variable(name: string): string | undefined;
/** A control request that was not carried out. */
export declare class ControlError extends Error {
    /**
     * The status code, or null when no simulator answered: 400 for a request that is not valid, 401 and 404 for a world
     * that is not there, 403 for a caller that may not ask, 406 for a `verify` that does not hold, 408 for a `waitFor` that ran
     * out of time, 409 for the key of a new world that has one already, or an `advance` that stopped before its end.
     */
    status: number | null;
    /**
     * The whole body of the response: after a `waitFor` a `WaitTimedOut`, after a `verify` a `VerificationFailed`, which say what did
     * happen and what came nearest; after an `advance` that stopped an `AdvanceStopped`.
     */
    body: Record<string, unknown>;
    /**
     * @param {number | null} status
     * @param {string} message
     * @param {Record<string, unknown>} body
     * @param {ErrorOptions} [options]
     */
    constructor(status: number | null, message: string, body?: Record<string, unknown>, options?: ErrorOptions);
}
/**
 * A class with one method for each route, which calls `ask` with what it was given.
 *
 * @param {Record<string, unknown[]>} routes
 * @returns {any}
 */
export declare function withMethods(routes: Record<string, unknown[]>): any;
/** Reaches the control API of one simulator over HTTP. */
export declare class Channel {
    #private;
    url: string;
    /**
     * @param {string} url
     * @param {string} [controlToken]
     */
    constructor(url: string, controlToken?: string);
    /**
     * Ask a route, with the key of a world where it is about one, and return what it answers.
     *
     * Of `given`, the first values are the parameters that the route names; the next one is the body, or the query of a GET.
     *
     * @param {[string, string, string[]]} route
     * @param {any[]} given
     * @param {string} [key]
     */
    ask([method, path, names]: [string, string, string[]], given: any[], key?: string): Promise<any>;
}
