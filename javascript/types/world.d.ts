/// <reference lib="esnext.disposable" preserve="true" />
/** @type {new () => import("../types/openapi.js").WorldRoutes} */
declare const Routes: new () => import("../types/openapi.js").WorldRoutes;
/**
 * What one API key sees of a simulator: a wallet, generations, webhooks, a journal, a script, and a clock of its own.
 *
 * Give each test its own: worlds share nothing. `Simulator.createWorld` makes one.
 */
export declare class World extends Routes {
    #private;
    /** The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`. */
    url: string;
    /** The API key of the app under test. */
    apiKey: string;
    /** The ids of the generations with which the world was created, in their order. */
    requestIds: string[];
    /**
     * @param {import("./control.js").Channel} channel
     * @param {string} apiKey
     * @param {string[]} requestIds
     */
    constructor(channel: import("./control.js").Channel, apiKey: string, requestIds?: string[]);
    /**
     * Environment variables for an app that is configured by them.
     *
     * @returns {{ PIXAZO_BASE_URL: string, PIXAZO_API_KEY: string }}
     */
    env(): {
        PIXAZO_BASE_URL: string;
        PIXAZO_API_KEY: string;
    };
    /**
     * Let seconds of the world's clock pass, or time until an instant, and list what fell due, in order: transitions and webhooks attempted.
     *
     * `advance({ until: "next" })` goes to the next instant at which anything falls due, `until` with a text of RFC 3339 to that instant.
     *
     * @param {number | import("../types/openapi.js").Advance} how
     * @returns {Promise<import("../types/openapi.js").Advanced>}
     * @throws {ControlError} with status 409 when more webhooks are due than one advance attempts (10,000), or when they take longer than 300 real
     * seconds: `body.now` says how far the clock came, and another advance goes on
     */
    advance(how: number | import("../types/openapi.js").Advance): Promise<import("../types/openapi.js").Advanced>;
    /**
     * Replace all rules; none is changed when one of the new ones is wrong.
     *
     * @param {import("../types/openapi.js").Rule[] | import("../types/openapi.js").NewScript} rules
     * @returns {Promise<import("../types/openapi.js").ScriptState>}
     */
    setScript(rules: import("../types/openapi.js").Rule[] | import("../types/openapi.js").NewScript): Promise<import("../types/openapi.js").ScriptState>;
    /**
     * @param {[string, string, string[]]} route
     * @param {any[]} given
     * @protected
     */
    protected ask(route: [string, string, string[]], given: any[]): Promise<any>;
    /** Delete the world at the end of an `await using` block. */
    [Symbol.asyncDispose](): Promise<void>;
}
export {};
