import { spawn } from "node:child_process";

const READY = /^ready (\S+) key (\S+)$/m;

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
export async function start({ command = ["pixazo-sim"], timeout = 30, log = () => {}, controlToken, ...options }) {
  const [program = "pixazo-sim", ...words] = command;
  const env = controlToken === undefined ? process.env : { ...process.env, PIXAZO_SIM_CONTROL_TOKEN: controlToken };
  const child = spawn(program, [...words, "serve", ...argumentsOf({ port: 0, exitOnStdinEof: true, ...options })], {
    env,
    stdio: "pipe", // the system closes its standard input when this process ends, in whatever way
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.ref();
    child.kill();
    await ended;
  };
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<RegExpExecArray>} */
  const ready = new Promise((resolve, reject) => {
    let printed = "";
    let errors = "";
    const fail = (/** @type {string} */ problem) => reject(new Error(`${program} ${problem}`));
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8"); // a character may come in two pieces
    child.stdout.on("data", (data) => {
      printed += data;
      const found = READY.exec(printed);
      if (found) resolve(found);
    });
    child.stderr.on("data", (data) => {
      errors = (errors + data).slice(-10_000);
      log(data);
    });
    const remedy = "install it (pip install pixazo-testkit), or give its path as option command";
    child.once("error", (error) => fail(`cannot be started (${error.message}): ${remedy}`));
    child.once("close", (code, signal) => fail(`serve ended (${signal ?? code}): ${errors.trim()}`));
    timer = setTimeout(() => {
      fail(`serve was not ready within ${timeout} s: ${errors.trim()}`);
      child.kill();
    }, timeout * 1000);
  });
  try {
    const [, url = "", key = ""] = await ready;
    const handles = /** @type {{ unref(): void }[]} */ ([child, child.stdin, child.stdout, child.stderr]);
    for (const each of handles) each.unref(); // a test that forgets to stop it ends nevertheless, and with it the child
    return { url, key, stop };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The words of a command line: `{ openKeys: true, set: { job_times: "1+4" } }` is `--open-keys --set job_times=1+4`.
 *
 * @param {import("../types/openapi.js").ServeOptions} options
 */
function argumentsOf(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    if (value === true) return [option];
    if (Array.isArray(value)) return value.flatMap((each) => [option, each]);
    if (typeof value === "object") return Object.entries(value).flatMap((each) => [option, each.join("=")]);
    return [option, String(value)];
  });
}
