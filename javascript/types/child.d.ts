export type StartOptions = {
    /**
     * the words by which `pixazo-sim` is called; default `["pixazo-sim"]`, which pip installs
     */
    command?: string[];
    /**
     * real seconds in which it must be ready; default 30
     */
    timeout?: number;
    /**
     * called with what it writes to standard error: refused calls and webhooks
     */
    log?: (text: string) => void;
};
/**
 * How `Simulator.start` runs the command, beside the options of `pixazo-sim serve`.
 *
 * @typedef {object} StartOptions
 * @property {string[]} [command] the words by which `pixazo-sim` is called; default `["pixazo-sim"]`, which pip installs
 * @property {number} [timeout] real seconds in which it must be ready; default 30
 * @property {(text: string) => void} [log] called with what it writes to standard error: refused calls and webhooks
 */
/**
 * Start `pixazo-sim serve` and wait until it is ready.
 *
 * @param {import("../types/openapi.js").ServeOptions & StartOptions} options
 * @returns {Promise<{ url: string, key: string, stop: () => Promise<void> }>}
 */
export declare function start({ command, timeout, log, controlToken, ...options }: import("../types/openapi.js").ServeOptions & StartOptions): Promise<{
    url: string;
    key: string;
    stop: () => Promise<void>;
}>;
