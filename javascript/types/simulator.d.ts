/// <reference lib="esnext.disposable" preserve="true" />
import { World } from "./world.js";
/** @type {new () => Omit<import("../types/openapi.js").SimulatorRoutes, "createWorld">} */
declare const Routes: new () => Omit<import("../types/openapi.js").SimulatorRoutes, "createWorld">;
/**
 * A simulator: one that this process started, or one that was running.
 *
 * `await using simulator = await Simulator.start()` stops it at the end of the block.
 */
export declare class Simulator extends Routes {
    #private;
    /** The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`. */
    url: string;
    /** The key that opens the world with which a started simulator begins; empty for one that was running. */
    apiKey: string;
    /**
     * @param {Channel} channel
     * @param {string} apiKey
     * @param {() => Promise<void>} stop
     * @private
     */
    private constructor();
    /**
     * Run `pixazo-sim serve` as a child process on a free port; resolves when it accepts connections.
     *
     * It ends with `stop`, or with this process, also when that is killed. Node, Deno and Bun can start one, browsers cannot.
     *
     * @param {import("../types/openapi.js").ServeOptions & import("./child.js").StartOptions} options
     * @returns {Promise<Simulator>}
     * @throws {Error} when it does not start, with what it wrote to standard error
     */
    static start(options?: import("../types/openapi.js").ServeOptions & import("./child.js").StartOptions): Promise<Simulator>;
    /**
     * Use a simulator that is running; nothing is sent yet.
     *
     * @param {string} [url] its origin, such as `http://127.0.0.1:8900`; default: `PIXAZO_BASE_URL` of the environment, which `pixazo-sim exec -- CMD` sets
     * @param {{ controlToken?: string }} options the token of a server that was started with `--control-token`; default: `PIXAZO_SIM_CONTROL_TOKEN` of the environment
     * @throws {Error} when there is no URL
     */
    static connect(url?: string, options?: {
        controlToken?: string;
    }): Simulator;
    /**
     * Create a world; what is left out comes from the options of the server, and a key is made up.
     *
     * @param {import("../types/openapi.js").NewWorld} wishes
     * @returns {Promise<World>}
     * @throws {ControlError} with status 409 for a key that has a world already, 400 for a wish that is not valid; the message names the nearest known word
     */
    createWorld(wishes?: import("../types/openapi.js").NewWorld): Promise<World>;
    /**
     * The world that a key opens; nothing is sent yet.
     *
     * @param {string} apiKey
     */
    world(apiKey: string): World;
    /** End the process that `start` began, and wait for its end; a simulator that was running goes on. */
    stop(): Promise<void>;
    /**
     * @param {[string, string, string[]]} route
     * @param {any[]} given
     * @protected
     */
    protected ask(route: [string, string, string[]], given: any[]): Promise<any>;
    /** As `stop`, at the end of an `await using` block. */
    [Symbol.asyncDispose](): Promise<void>;
}
export {};
