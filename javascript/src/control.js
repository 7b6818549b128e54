/** The header that names a world: the API key which the app under test sends, too. */
const KEY_HEADER = "Ocp-Apim-Subscription-Key";
/** The header for the token of a server that was started with `--control-token`. */
const TOKEN_HEADER = "X-Pixazo-Control-Token";

/**
 * The value of an environment variable, where there is an environment.
 *
 * @param {string} name
 */
export function variable(name) {
  return globalThis.process?.env[name];
}

/** A control request that was not carried out. */
export class ControlError extends Error {
  /**
   * @param {number | null} status
   * @param {string} message
   * @param {Record<string, unknown>} body
   * @param {ErrorOptions} [options]
   */
  constructor(status, message, body = {}, options = undefined) {
    super(message, options);
    this.name = "ControlError";
    /**
     * The status code, or null when no simulator answered: 400 for a request that is not valid, 401 and 404 for a world
     * that is not there, 403 for a caller that may not ask, 406 for a `verify` that does not hold, 408 for a `waitFor` that ran
     * out of time, 409 for the key of a new world that has one already, or an `advance` that stopped before its end.
     */
    this.status = status;
    /**
     * The whole body of the response: after a `waitFor` a `WaitTimedOut`, after a `verify` a `VerificationFailed`, which say what did
     * happen and what came nearest; after an `advance` that stopped an `AdvanceStopped`.
     */
    this.body = body;
  }
}

/**
 * A class with one method for each route, which calls `ask` with what it was given.
 *
 * @param {Record<string, unknown[]>} routes
 * @returns {any}
 */
export function withMethods(routes) {
  class Routes {}
  for (const [name, route] of Object.entries(routes)) {
    /** @this {any} @param {any[]} given */
    function method(...given) {
      return this.ask(route, given);
    }
    Object.defineProperty(Routes.prototype, name, { value: method, configurable: true, writable: true });
  }
  return Routes;
}

/** Reaches the control API of one simulator over HTTP. */
export class Channel {
  #token;

  /**
   * @param {string} url
   * @param {string} [controlToken]
   */
  constructor(url, controlToken = variable("PIXAZO_SIM_CONTROL_TOKEN")) {
    // fetch sends none, and errors show the URL.
    if (/\/\/[^/]*@/.test(url)) throw new Error("the url has a user name or password: leave it out");
    this.url = url.replace(/\/+$/, "");
    this.#token = controlToken;
  }

  /**
   * Ask a route, with the key of a world where it is about one, and return what it answers.
   *
   * Of `given`, the first values are the parameters that the route names; the next one is the body, or the query of a GET.
   *
   * @param {[string, string, string[]]} route
   * @param {any[]} given
   * @param {string} [key]
   */
  async ask([method, path, names], given, key) {
    const query = new URLSearchParams();
    for (const [index, name] of names.entries()) {
      if (path.includes(`{${name}}`)) path = path.replace(`{${name}}`, encodeURIComponent(given[index]));
      else query.set(name, given[index]);
    }
    const rest = given[names.length];
    if (method === "GET") {
      for (const [name, value] of Object.entries(rest ?? {})) if (value !== undefined) query.set(name, String(value));
    }
    /** @type {Record<string, string>} */
    const headers = {};
    if (key !== undefined) headers[KEY_HEADER] = key;
    if (this.#token !== undefined) headers[TOKEN_HEADER] = this.#token;
    const body = method === "GET" || rest === undefined ? undefined : JSON.stringify(rest);
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const target = query.size ? `${path}?${query}` : path;
    let response;
    let text;
    try {
      response = await fetch(this.url + target, { method, headers, body });
      text = await response.text();
    } catch (/** @type {any} */ error) {
      const cause = error.cause ?? error;
      const problem = `${method} ${target} got no response from ${this.url} (${cause})`;
      const trust = this.url.startsWith("https:")
        ? ", and does NODE_EXTRA_CA_CERTS name its authority (pixazo-sim ca)"
        : "";
      throw new ControlError(null, `${problem}: is \`pixazo-sim serve\` running there${trust}?`, {}, { cause });
    }
    return read(response, text);
  }
}

/**
 * The body of a response. Throws ControlError for a refusal, and for what no simulator answers.
 *
 * @param {Response} response
 * @param {string} text
 * @returns {any}
 */
function read(response, text) {
  if (response.ok && response.headers.get("Content-Type")?.startsWith("text/plain")) return text;
  let body;
  try {
    body = JSON.parse(text);
  } catch {} // it is said below what it is instead
  if (response.ok && body !== undefined) return body;
  if (typeof body?.message === "string") throw new ControlError(response.status, body.message, body);
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ControlError(response.status, `unexpected response ${shown}: is this a pixazo-sim server?`);
}
