/// <reference lib="esnext.disposable" preserve="true" />
import { withMethods } from "./control.js";
import { WORLD_ROUTES } from "./routes.js";

/** @type {new () => import("../types/openapi.js").WorldRoutes} */
const Routes = withMethods(WORLD_ROUTES);

/**
 * What one API key sees of a simulator: a wallet, generations, webhooks, a journal, a script, and a clock of its own.
 *
 * Give each test its own: worlds share nothing. `Simulator.createWorld` makes one.
 */
export class World extends Routes {
  #channel;

  /**
   * @param {import("./control.js").Channel} channel
   * @param {string} apiKey
   * @param {string[]} requestIds
   */
  constructor(channel, apiKey, requestIds = []) {
    super();
    this.#channel = channel;
    /** The origin to use instead of the vendor's, such as `http://127.0.0.1:8900`. */
    this.url = channel.url;
    /** The API key of the app under test. */
    this.apiKey = apiKey;
    /** The ids of the generations with which the world was created, in their order. */
    this.requestIds = requestIds;
  }

  /**
   * Environment variables for an app that is configured by them.
   *
   * @returns {{ PIXAZO_BASE_URL: string, PIXAZO_API_KEY: string }}
   */
  env() {
    return { PIXAZO_BASE_URL: this.url, PIXAZO_API_KEY: this.apiKey };
  }

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
  advance(how) {
    return super.advance(typeof how === "number" ? { seconds: how } : how);
  }

  /**
   * Replace all rules; none is changed when one of the new ones is wrong.
   *
   * @param {import("../types/openapi.js").Rule[] | import("../types/openapi.js").NewScript} rules
   * @returns {Promise<import("../types/openapi.js").ScriptState>}
   */
  setScript(rules) {
    return super.setScript(Array.isArray(rules) ? { rules } : rules);
  }

  /**
   * @param {[string, string, string[]]} route
   * @param {any[]} given
   * @protected
   */
  ask(route, given) {
    return this.#channel.ask(route, given, this.apiKey);
  }

  /** Delete the world at the end of an `await using` block. */
  async [Symbol.asyncDispose]() {
    await this.deleteWorld();
  }
}
