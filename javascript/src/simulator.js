/// <reference lib="esnext.disposable" preserve="true" />
import { Channel, variable, withMethods } from "./control.js";
import { SIMULATOR_ROUTES } from "./routes.js";
import { World } from "./world.js";

/** @type {new () => Omit<import("../types/openapi.js").SimulatorRoutes, "createWorld">} */
const Routes = withMethods(SIMULATOR_ROUTES);

/**
 * A simulator: one that this process started, or one that was running.
 *
 * `await using simulator = await Simulator.start()` stops it at the end of the block.
 */
export class Simulator extends Routes {
  #channel;
  #stop;

  /**
   * @param {Channel} channel
   * @param {string} apiKey
   * @param {() => Promise<void>} stop
   * @private
   */
  constructor(channel, apiKey, stop) {
    super();
    this.#channel = channel;
    this.#stop = stop;
    /** The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`. */
    this.url = channel.url;
    /** The key that opens the world with which a started simulator begins; empty for one that was running. */
    this.apiKey = apiKey;
  }

  /**
   * Run `pixazo-sim serve` as a child process on a free port; resolves when it accepts connections.
   *
   * It ends with `stop`, or with this process, also when that is killed. Node, Deno and Bun can start one, browsers cannot.
   *
   * @param {import("../types/openapi.js").ServeOptions & import("./child.js").StartOptions} options
   * @returns {Promise<Simulator>}
   * @throws {Error} when it does not start, with what it wrote to standard error
   */
  static async start(options = {}) {
    const { start } = await import("./child.js");
    const { url, key, stop } = await start(options);
    return new Simulator(new Channel(url, options.controlToken), key, stop);
  }

  /**
   * Use a simulator that is running; nothing is sent yet.
   *
   * @param {string} [url] its origin, such as `http://127.0.0.1:8900`; default: `PIXAZO_BASE_URL` of the environment, which `pixazo-sim exec -- CMD` sets
   * @param {{ controlToken?: string }} options the token of a server that was started with `--control-token`; default: `PIXAZO_SIM_CONTROL_TOKEN` of the environment
   * @throws {Error} when there is no URL
   */
  static connect(url = variable("PIXAZO_BASE_URL"), options = {}) {
    if (!url) throw new Error("there is no simulator to connect to: give its url, or set PIXAZO_BASE_URL");
    return new Simulator(new Channel(url, options.controlToken), "", async () => {});
  }

  /**
   * Create a world; what is left out comes from the options of the server, and a key is made up.
   *
   * @param {import("../types/openapi.js").NewWorld} wishes
   * @returns {Promise<World>}
   * @throws {ControlError} with status 409 for a key that has a world already, 400 for a wish that is not valid; the message names the nearest known word
   */
  async createWorld(wishes = {}) {
    const created = await this.ask(/** @type {any} */ (SIMULATOR_ROUTES.createWorld), [wishes]);
    return new World(this.#channel, created.key, created.request_ids);
  }

  /**
   * The world that a key opens; nothing is sent yet.
   *
   * @param {string} apiKey
   */
  world(apiKey) {
    return new World(this.#channel, apiKey);
  }

  /** End the process that `start` began, and wait for its end; a simulator that was running goes on. */
  async stop() {
    await this.#stop();
  }

  /**
   * @param {[string, string, string[]]} route
   * @param {any[]} given
   * @protected
   */
  ask(route, given) {
    return this.#channel.ask(route, given);
  }

  /** As `stop`, at the end of an `await using` block. */
  async [Symbol.asyncDispose]() {
    await this.stop();
  }
}
