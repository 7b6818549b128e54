"""`pixazo-sim exec`: a command in any language against a simulator of its own."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.command import COMMAND, SIGNAL_ELSEWHERE, environment, mistake, pixazo_sim, run_process, started
from tests.page import IMAGE, TEXT, sample
from tests.patience import PATIENCE
from tests.schemas import check
from tests.tools import tool

from pixazo_simulator import Settings, Simulator

VENDOR = "https://gateway.pixazo.ai"
VIDEO_BYTES = 59_389
OFFLINE = "was refused: pixazo-sim exec is offline except for gateway.pixazo.ai, pub-582b7213209642b9b995c96c95a30381.r2.dev and this machine"
MISUSED = "but the gateway only serves https on port 443: call https://gateway.pixazo.ai"

OVER_REQUESTS = """
import sys, time, requests
headers = {"Ocp-Apim-Subscription-Key": "a key of mine"}
job = requests.post("https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate", json={"prompt": "A bear"}, headers=headers).json()
while job["status"] not in ("COMPLETED", "FAILED", "ERROR"):
    time.sleep(0.05)
    job = requests.get("https://gateway.pixazo.ai/v2/requests/status/" + job["request_id"], headers=headers).json()
print(job["status"], len(requests.get(job["output"]["media_url"][0]).content))
"""
OVER_FETCH = """
const headers = {"Content-Type": "application/json", "Ocp-Apim-Subscription-Key": "a key of mine"};
const body = JSON.stringify({prompt: "A bear"});
let job = await (await fetch("https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate", {method: "POST", headers, body})).json();
const url = job.polling_url;
while (!["COMPLETED", "FAILED", "ERROR"].includes(job.status)) {
  await new Promise((resolve) => setTimeout(resolve, 50));
  job = await (await fetch(url, {headers})).json();
}
console.log(job.status, (await (await fetch(job.output.media_url[0])).arrayBuffer()).byteLength);
"""
OVER_CURL = """
set -e
generate=https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate
key='Ocp-Apim-Subscription-Key: a key of mine'
url=$(curl -sS -H "$key" -H 'Content-Type: application/json' -d '{"prompt":"A bear"}' $generate | sed 's/.*"polling_url":"//; s/".*//')
until curl -sS -H "$key" "$url" > job; grep -q COMPLETED job; do sleep 0.05; done
echo COMPLETED $(curl -sS "$(sed 's/.*"media_url":."//; s/".*//' job)" | wc -c)
"""

BILL = "pixazo-sim: 1 generation would have cost $0.35 on the real gateway\n"


def run(*command: str, options: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end under `pixazo-sim exec`."""
    return pixazo_sim("exec", *options, "--", *command, **variables)


def python(code: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python code under `pixazo-sim exec`."""
    return run(sys.executable, "-c", code, options=options, **variables)


# With the vendor's host hard-coded


PROGRAMS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "requests": lambda _: (sys.executable, "-c", OVER_REQUESTS),
    "fetch": lambda _: (tool("node"), "--input-type=module", "-e", OVER_FETCH),
    "curl": lambda folder: (tool("curl") and "sh", "-c", f"cd {folder}; {OVER_CURL}"),
}


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_submits_polls_and_downloads(program: str, tmp_path: Path) -> None:
    """With whatever key it has; the global fetch of Node 20 ignores proxies."""
    ran = run(*PROGRAMS[program](tmp_path))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"COMPLETED {VIDEO_BYTES}\n", BILL)


@pytest.mark.slow
def test_the_media_host_of_the_policy() -> None:
    """It is the simulator, too, which has no such video."""
    code = "import requests; print(requests.get('https://media.test/v1/x/output.mp4').status_code)"
    assert python(code, "--set", "media_origin=https://media.test").stdout == "404\n"


def test_wget(tmp_path: Path) -> None:
    """The build with GnuTLS ignores SSL_CERT_FILE; the user's own wgetrc still applies."""
    mine = tmp_path / "wgetrc"
    mine.write_text("header = X-Mine: 1", encoding="ascii")
    posted = f"""{tool("wget")} -qO- -S --header 'Ocp-Apim-Subscription-Key: mine' --header 'Content-Type: application/json' \
        --post-data '{{"prompt":"A bear"}}' {VENDOR}/minimax-hailuo-ai/v1/generate; cat "$WGETRC" """
    ran = run("sh", "-c", posted, WGETRC=str(mine))
    assert ran.returncode == 0, ran.stderr
    assert '"status":"QUEUED"' in ran.stdout
    assert "header = X-Mine: 1\nca_certificate = " in ran.stdout


@pytest.mark.slow
def test_the_samples_of_the_page_unmodified(tmp_path: Path) -> None:
    """The printed key included; one of each language (two others are broken as printed)."""
    script = tmp_path / "sample.cjs"
    script.write_text(sample(TEXT, "JavaScript"), encoding="utf-8")
    shell = sample(IMAGE, "cURL").replace("curl -v", "curl -s")
    programs = [(sys.executable, "-c", sample(TEXT, "Python")), (tool("node"), str(script)), (tool("sh"), "-c", shell)]
    ran = run("sh", "-ec", "\n".join(map(shlex.join, programs)))
    assert ran.returncode == 0, ran.stderr
    assert len(set(re.findall(rf"{VENDOR}/v2/requests/status/minimax-hailuo-ai_\S{{36}}", ran.stdout))) == 3


@pytest.mark.exhaustive
def test_other_ways_of_node(tmp_path: Path) -> None:
    """node:https and node:tls, in each form of their arguments; certificates and host names are verified."""
    place = tmp_path / "ways.mjs"
    place.write_text(
        """
import https from 'node:https';
import tls, { connect } from 'node:tls';
const over = (open) => new Promise((resolve, reject) => {
  const socket = open(() => { resolve(socket.authorized); socket.destroy(); }).on('error', reject);
});
const status = await new Promise((resolve, reject) => https.get('https://gateway.pixazo.ai/nowhere', (answer) => {
  answer.resume(); resolve(answer.statusCode);
}).on('error', reject));
console.log(status, await over((done) => connect({ host: 'gateway.pixazo.ai', port: 443 }, done)),
  await over((done) => tls.connect(443, 'gateway.pixazo.ai', done)),
  await over((done) => tls.connect(443, 'gateway.pixazo.ai', { servername: 'else.example' }, done)).catch((error) => error.code));
""",
        encoding="utf-8",
    )
    ran = run(tool("node"), str(place))
    assert (ran.returncode, ran.stdout) == (0, "404 true true ERR_TLS_CERT_ALTNAME_INVALID\n")


# Offline


def test_other_hosts_are_refused() -> None:
    """By the proxy, in the response and on standard error; so is plain http, which the gateway does not speak."""
    tool("curl")
    urls = ("https://elsewhere.invalid/", "http://elsewhere.invalid/", "http://gateway.pixazo.ai/")
    ran = run("sh", "-c", "; ".join(f"curl -s {url}" for url in urls))
    tunnelled, plain = (f"elsewhere.invalid port {port} {OFFLINE}" for port in (443, 80))
    misused = f"gateway.pixazo.ai was called on port 80, {MISUSED}"
    assert ran.stdout == f"{plain}\n{misused}\n"
    assert ran.stderr.splitlines() == [f"pixazo-sim: {each}" for each in (tunnelled, plain, misused)]


@pytest.mark.exhaustive
def test_node_is_offline_too() -> None:
    """Although it ignores the proxy."""
    code = """
for (const url of ['https://elsewhere.invalid/', 'http://192.0.2.1/', 'https://gateway.pixazo.ai:8443/'])
  await fetch(url).catch((error) => console.log(error.cause.code, error.cause.message));
"""
    ran = run(tool("node"), "--input-type=module", "-e", code)
    lines = [
        f"elsewhere.invalid port 443 {OFFLINE}",
        f"192.0.2.1 port 80 {OFFLINE}",
        f"gateway.pixazo.ai port 8443 was refused: {MISUSED.removeprefix('but ')}",
    ]
    assert ran.stdout.splitlines() == [f"ECONNREFUSED {line}" for line in lines]
    assert ran.stderr.splitlines() == [f"pixazo-sim: {line}" for line in lines]


@pytest.mark.slow
def test_this_machine_is_reached() -> None:
    """Directly by clients that use NO_PROXY, else through the proxy, by CONNECT or a plain request."""
    code = 'curl -sS {} "$PIXAZO_BASE_URL/_sim/health"; '
    ways = ("", '--noproxy "" -x "$HTTPS_PROXY"', '--noproxy "" -p -x "$HTTPS_PROXY"')
    tool("curl")
    fetch = 'fetch(process.env.PIXAZO_BASE_URL + "/_sim/health").then((r) => console.log(r.status))'
    ran = run("sh", "-c", "".join(code.format(way) for way in ways) + shlex.join([tool("node"), "-e", fetch]))
    assert ran.stdout == '{"status":"ok","worlds":1}' * 3 + "200\n"


def test_nobody_else_is_trusted() -> None:
    """A client that bypasses the proxy fails TLS verification: our authority is the only one."""
    code = "import ssl; print([dict(sum(each['subject'], ()))['organizationName'] for each in ssl.create_default_context().get_ca_certs()])"
    assert python(code).stdout == "['pixazo-testkit']\n"


def test_tls_may_be_left_to_the_proxy() -> None:
    """As by axios before 1.8, in absolute form; other hosts and ports are refused."""
    code = """
import http.client, os
for url in ("https://gateway.pixazo.ai/nowhere", "https://gateway.pixazo.ai:8443/", "https://elsewhere.invalid/"):
    proxy = http.client.HTTPConnection(os.environ["HTTPS_PROXY"].removeprefix("http://"))
    proxy.request("GET", url)
    answer = proxy.getresponse()
    print(answer.status, answer.read().decode().strip())
"""
    output = python(code).stdout.splitlines()
    assert output[0].startswith("404 ")
    assert output[1:] == [
        f"403 gateway.pixazo.ai was called on port 8443, {MISUSED}",
        f"403 elsewhere.invalid port 443 {OFFLINE}",
    ]


CHANGED = """
import os, sys, subprocess
for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
    os.environ.pop(name)
os.environ["SSL_CERT_FILE"] = "/nowhere"
os.environ.pop(sys.argv[1], None)
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""
PYTHON_STATUS = "import requests; print(requests.get('https://gateway.pixazo.ai/nowhere').status_code)"
NODE_STATUS = "fetch('https://gateway.pixazo.ai/nowhere').then((answer) => console.log(answer.status))"


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", [(sys.executable, "-c", PYTHON_STATUS), ("node", "-e", NODE_STATUS)], ids=["python", "node"]
)
def test_variables_of_others_may_change(program: tuple[str, ...]) -> None:
    """Our own variable names the authority."""
    ran = run(sys.executable, "-c", CHANGED, "nothing", tool(program[0]), *program[1:])
    assert (ran.returncode, ran.stdout) == (0, "404\n"), ran.stderr


@pytest.mark.parametrize("lost", ["PIXAZO_REDIRECT_CA", "PIXAZO_REDIRECT_PORT", "PIXAZO_REDIRECT_HOSTS"])
@pytest.mark.parametrize(
    "program", [(sys.executable, "-c", "print('ran')"), ("node", "-e", "console.log('ran')")], ids=["python", "node"]
)
def test_what_cannot_be_led_does_not_run(lost: str, program: tuple[str, ...]) -> None:
    """It might reach the vendor: it prints one line and ends before it begins."""
    ran = run(sys.executable, "-c", CHANGED, lost, tool(program[0]), *program[1:])
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert re.match(
        r"pixazo-sim: this (Python|Node) cannot be redirected to the simulator \(.+\): keep the PIXAZO_REDIRECT_ ",
        ran.stderr,
    )


# Environment and options


@pytest.mark.slow
def test_what_the_command_finds() -> None:
    """URL and key of the simulator, and no other proxy; other variables are unchanged."""
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    set_before = {
        "ALL_PROXY": "socks5://proxy.invalid:1",
        "all_proxy": "x",
        "NODE_OPTIONS": "--no-warnings",
        "MINE": "1",
    }
    ran = python(code, "--api-key", "my-key", PIXAZO_SIM_CONTROL_TOKEN="of-another-server", **set_before)
    found = json.loads(ran.stdout)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", found["PIXAZO_BASE_URL"])
    assert (found["PIXAZO_API_KEY"], found["MINE"]) == ("my-key", "1")
    assert "ALL_PROXY" not in found
    assert "all_proxy" not in found
    assert "of-another-server" not in ran.stdout
    assert found["NODE_OPTIONS"].startswith("--no-warnings --require ")
    assert found["NO_PROXY"] == found["no_proxy"] == "localhost,127.0.0.1,::1"
    proxies = {found[name] for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")}
    assert len(proxies) == 1


def test_the_authorities_that_node_was_given_stay(tmp_path: Path) -> None:
    """Ours is added to them."""
    mine = tmp_path / "mine.pem"
    mine.write_text("of mine", encoding="ascii")
    code = "import os; print(open(os.environ['NODE_EXTRA_CA_CERTS']).read())"
    output = python(code, NODE_EXTRA_CA_CERTS=str(mine)).stdout
    assert output.startswith("of mine\n-----BEGIN CERTIFICATE-----\n")


@pytest.mark.slow
def test_the_options_of_serve() -> None:
    """They apply to the simulator, also in the environment; by default the clock runs twenty times as fast as real time."""
    code = """
import json, os, urllib.request
asked = urllib.request.Request(os.environ["PIXAZO_BASE_URL"] + "/_sim/world", headers={"Ocp-Apim-Subscription-Key": os.environ["PIXAZO_API_KEY"]})
world = json.load(urllib.request.urlopen(asked))
print(world["clock"], world["balance"], world["policy"]["submit_code"])
"""
    assert python(code).stdout == "x20 100.00 202\n"
    ran = python(code, "--clock", "manual", "--balance", "0.35", PIXAZO_SIM_PROFILE="observed")
    assert ran.stdout == "manual 0.35 200\n"


def test_the_options_are_listed() -> None:
    """All options of serve, except those about where it listens, who may use `/_sim` and when it ends; and its own."""
    output = {
        name: set(re.findall(r"^  --([a-z-]+)", pixazo_sim(name, "--help").stdout, re.MULTILINE))
        for name in ("serve", "exec")
    }
    assert output["serve"] - output["exec"] == {
        "host", "port", "ready-file", "exit-on-stdin-eof", "control-token", "control-open", "control-host", "tls", "tls-folder", "tls-cert", "tls-key",
        "workers",
    }  # fmt: skip
    own = {"upstream", "bill", "max-spend", "weather", "days", "weather-only", "weather-limit", "shrink"}
    assert output["exec"] - output["serve"] == own


# The bill

ORPHANS = """
import sys, requests
for _ in "ab":
    requests.post(
        "https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate",
        json={"prompt": "A bear"}, headers={"Ocp-Apim-Subscription-Key": "a key of mine"},
    )
"""


@pytest.mark.slow
def test_the_bill_lists_what_was_paid_for_nothing(tmp_path: Path) -> None:
    """On standard error, and in a file as `GET /_sim/bill` answers, with its schema."""
    file = tmp_path / "bill.json"
    ran = python(f"{ORPHANS}\nimport time; time.sleep(0.1)", "--clock", "x1000", "--bill", str(file))
    head, *orphans = ran.stderr.splitlines()
    assert head == "pixazo-sim: 2 generations would have cost $0.70 on the real gateway; $0.70 of it wasted"
    bill = json.loads(file.read_text())
    assert check(file.read_bytes()) == "program-bill"
    assert [each["waste"] for each in bill["generations"]] == ["never read"] * 2
    assert [line.partition(", ")[2] for line in orphans] == ["$0.35: never read"] * 2


@pytest.mark.slow
def test_a_command_that_fails_has_a_bill_too(tmp_path: Path) -> None:
    file = tmp_path / "bill.json"
    ran = python(f"{ORPHANS}\nsys.exit(3)", "--bill", str(file))
    assert (ran.returncode, json.loads(file.read_text())["spent"]) == (3, "0.70")
    assert "2 generations would have cost $0.70 on the real gateway" in ran.stderr


@pytest.mark.parametrize(("limit", "code"), [("0.70", 0), ("0.69", 1)])
def test_a_command_may_spend_so_much(limit: str, code: int) -> None:
    assert python(ORPHANS, "--max-spend", limit).returncode == code


def test_the_bill_is_that_of_one_run() -> None:
    ran = run("true", options=("--weather", "1", "--max-spend", "1"))
    assert (ran.returncode, ran.stderr.count("--max-spend apply to one run")) == (2, 1)


# Exit codes and signals


@pytest.mark.parametrize(("code", "expected"), [("exit 7", 7), ("kill -KILL $$", 137)])
def test_the_exit_code_is_that_of_the_command(code: str, expected: int) -> None:
    assert run("sh", "-c", code).returncode == expected


def test_the_dashes_may_be_left_out() -> None:
    """Options after the command belong to it."""
    ran = pixazo_sim("exec", "--seed", "7", "echo", "--seed", "8", "--help")
    assert (ran.returncode, ran.stdout) == (0, "--seed 8 --help\n")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["exec"], 2, "no command was given: pixazo-sim exec [OPTIONS] -- CMD ..."),
        (["exec", "--"], 2, "no command was given: pixazo-sim exec [OPTIONS] -- CMD ..."),
        (["exec", "--", "no-such-command"], 127, "command 'no-such-command' was not found: check its name and PATH"),
        (["exec", "--", ""], 126, "command '' cannot be run: Permission denied"),
        (["exec", "--", "/"], 126, "command '/' cannot be run: Permission denied"),
        (["exec", "--clock", "slow", "--", "true"], 2, "clock 'slow' is not one of real, manual, xN (for example x20)"),
    ],
)
def test_what_cannot_be_run(arguments: list[str], code: int, expected: str) -> None:
    """One line, and an exit code for the reason."""
    ran = pixazo_sim(*arguments)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", f"pixazo-sim: {expected}\n")


def test_an_option_of_serve_alone_is_refused_in_one_line() -> None:
    """In the words of click, which differ between its versions."""
    ran = pixazo_sim("exec", "--port", "1", "--", "true")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("pixazo-sim: ")
    assert "--port" in ran.stderr


@pytest.mark.slow
def test_without_standard_streams(tmp_path: Path) -> None:
    """As started by a daemon: they are /dev/null, for the command, too."""
    reported = tmp_path / "told"
    code = f"import os; open({str(reported)!r}, 'w').write(' '.join(os.readlink(f'/proc/self/fd/{{n}}') for n in range(3)))"
    closed = 'exec "$@" <&- >&- 2>&-'
    ran = run_process("/bin/sh", "-c", closed, "sh", COMMAND, "exec", "--", sys.executable, "-c", code)
    assert ran.returncode == 0
    assert reported.read_text(encoding="ascii") == "/dev/null /dev/null /dev/null"


@contextmanager
def under_way(code: str, temporary: Path) -> Generator[subprocess.Popen[bytes]]:
    """A command that has said `ready`, in a session without a terminal."""
    variables = environment(TMPDIR=str(temporary))
    with started(COMMAND, "exec", "--", sys.executable, "-u", "-c", code, env=variables) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield process


@pytest.mark.slow
def test_an_interrupt_is_passed_on(tmp_path: Path) -> None:
    """The command decides how it ends."""
    code = "import signal, sys; signal.signal(2, lambda *_: sys.exit(5)); print('ready'); signal.pause()"
    with under_way(code, tmp_path) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 5


@pytest.mark.slow
def test_a_command_ended_by_a_signal(tmp_path: Path) -> None:
    """Everything else ends with it: the port, and the temporary files."""
    code = "import os, signal; print('ready'); print(os.environ['PIXAZO_BASE_URL'], os.environ['SSL_CERT_FILE']); signal.pause()"
    with under_way(code, tmp_path) as process:
        assert process.stdout
        url, _, bundle = process.stdout.readline().decode().strip().partition(" ")
        assert Path(bundle).is_relative_to(tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


@pytest.mark.slow
def test_a_signal_that_reaches_another_thread_is_passed_on(tmp_path: Path) -> None:
    """The main thread waits for the command, and does not wake up."""
    child = "import signal, sys; signal.signal(15, lambda *_: sys.exit(5)); print('ready', flush=True); signal.pause()"
    code = f"{SIGNAL_ELSEWHERE}from pixazo_simulator.cli import main\nmain()\n"
    command = [sys.executable, "-c", code, "exec", "--", sys.executable, "-c", child]
    with started(*command, env=environment(TMPDIR=str(tmp_path))) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.communicate(b"!", PATIENCE)
    assert process.returncode == 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_nobody_waits_for_a_reader_of_the_log() -> None:
    """The command runs to its end, and so does everything else."""
    code = """
import os, sys, requests
session = requests.Session()
for _ in range(60):
    assert session.get(os.environ["PIXAZO_BASE_URL"] + "/" + "a" * 2000).status_code == 404
    assert session.get("http://elsewhere.test/" + "a" * 2000).status_code == 403
sys.exit(5)
"""
    with started(COMMAND, "exec", "--", sys.executable, "-c", code) as process:
        assert process.wait(PATIENCE) == 5


# Python programs that heed neither proxy nor variable

OVER_AIOHTTP = """
import asyncio, ssl, sys, aiohttp, certifi
generate = "https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate"
async def main():
    context = ssl.create_default_context(cafile=certifi.where())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        async with session.post(generate, json={"prompt": "A bear"}, headers={"Ocp-Apim-Subscription-Key": "mine"}) as answer:
            print(answer.status)
        try:
            await session.get("https://192.0.2.1/")
        except aiohttp.ClientConnectorError as error:
            print(error.strerror)
if sys.argv[1:]:
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("loop", [[], ["uvloop"]])
def test_python_with_aiohttp(loop: list[str]) -> None:
    """With a context of its own, and without a proxy; it is offline, too."""
    # Its video is not read: on a clock that runs, it would be wasted after 15 s.
    ran = run(sys.executable, "-c", OVER_AIOHTTP, *loop, options=("--clock", "manual"))
    assert (ran.returncode, ran.stdout) == (0, f"202\n192.0.2.1 port 443 {OFFLINE}\n")
    assert ran.stderr == f"pixazo-sim: 192.0.2.1 port 443 {OFFLINE}\n{BILL}"


@pytest.mark.slow
def test_python_with_gevent() -> None:
    """Which warns of what it finds outside the module that it patches."""
    code = f"from gevent import monkey; monkey.patch_all(); import requests; print(requests.get('{VENDOR}/nowhere').status_code)"
    ran = python(code)
    assert (ran.stdout, "Warning" in ran.stderr) == ("404\n", False)


def test_the_customization_of_a_site_still_runs(tmp_path: Path) -> None:
    """Although ours hides it."""
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.mine = 'ran'", encoding="utf-8")
    inherited = environment().get("PYTHONPATH", "")
    assert python("print(mine)", PYTHONPATH=f"{tmp_path}:{inherited}").stdout == "ran\n"


@pytest.mark.slow
def test_a_redirection_within() -> None:
    """A test run that redirects to a simulator of its own may itself run under `exec`."""
    code = """
import requests
from pixazo_simulator import Simulator
from pixazo_simulator.redirect.context import redirect
with Simulator() as simulator, redirect(simulator.url, simulator.api_key) as redirection:
    requests.get("https://gateway.pixazo.ai/nowhere")
    print(simulator.advance(0), redirection.violations)
    headers = {"Ocp-Apim-Subscription-Key": simulator.api_key}
    print(requests.get(simulator.url + "/_sim/journal", headers=headers).json()["total"])
"""
    assert python(code).stdout == "[] []\n1\n"


def test_an_upstream_takes_the_place_of_the_simulator() -> None:
    """The program keeps its own key, hard-coded hosts and PIXAZO_BASE_URL lead to the upstream, and other hosts are refused."""
    shown = "import os; print(os.environ['PIXAZO_BASE_URL'], os.environ['PIXAZO_API_KEY'])"
    hosted = "https://gateway.pixazo.ai/v2/requests/status/any"
    asked = (
        f"import requests; print(requests.get('{hosted}', headers={{'Ocp-Apim-Subscription-Key': 'own'}}).status_code)"
    )
    other = "import requests; requests.get('https://example.com')"
    with Simulator(Settings(keys=("own",))) as simulator:
        options = ("--upstream", simulator.url)
        ran = run(sys.executable, "-c", f"{shown}\n{asked}\n{other}", options=options, PIXAZO_API_KEY="own")
    assert ran.stdout == f"{simulator.url} own\n404\n"
    assert f"example.com port 443 {OFFLINE}" in ran.stderr


def test_options_of_a_simulator_are_refused_with_an_upstream() -> None:
    told = mistake("exec", "--upstream", "http://127.0.0.1:9", "--clock", "x2", "--", "true")
    assert told == "--clock describes a simulator, but --upstream starts none: leave one of them out"
