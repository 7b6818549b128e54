// A world of the simulator in plain JavaScript: everything goes through fetch, nothing is installed.

const KEY_HEADER = "Ocp-Apim-Subscription-Key";

/** One world of a running simulator: its key, the gateway for the app under test, and its own routes for the test. */
export class World {
  constructor(url, key) {
    this.url = url;
    this.key = key;
  }

  /** Open a world with these wishes, such as `{ balance: "0.50", script: [...] }`. */
  static async open(url, wishes = {}) {
    const { key } = await new World(url, "").control("POST", "/_sim/worlds", wishes);
    return new World(url, key);
  }

  /** Ask a control route; throws its message when it refuses. */
  async control(method, path, body) {
    const answer = await this.call(method, path, body);
    const response = await answer.json();
    if (!answer.ok) throw new Error(response.message);
    return response;
  }

  /** Call the gateway as an app does. */
  call(method, path, body) {
    const headers = { [KEY_HEADER]: this.key };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    return fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
  }

  /** Forget the world. */
  close() {
    return this.control("DELETE", "/_sim/world");
  }
}
