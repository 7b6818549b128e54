"""The command pixazo-sim, run as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from pixazo_simulator.cli.serve import begin_end
from pixazo_simulator.control.client import ControlClient
from pixazo_simulator.spec import points
from tests.caller import GENERATE, Caller, over_http
from tests.command import COMMAND, SIGNAL_ELSEWHERE, Serving, mistake, pixazo_sim, run_process, started
from tests.patience import PATIENCE
from tests.receiver import Receiver

Serve = Callable[..., Serving]

OPTIONS = [
    "HOST", "PORT", "API_KEY", "OPEN_KEYS", "BALANCE", "PROFILE", "SET", "CLOCK", "START", "SEED", "STATE", "WORKERS", "SCRIPT", "MODEL", "PUBLIC_ORIGIN", "WEBHOOK_ALLOW", "WEBHOOK_CA", "CONTROL_TOKEN",
    "CONTROL_OPEN", "CONTROL_HOST", "TLS", "TLS_FOLDER", "TLS_CERT", "TLS_KEY", "MUTANT", "VARIANT", "NO_MAGIC", "READY_FILE", "EXIT_ON_STDIN_EOF", "LOG_FORMAT", "LOG_REQUESTS",
]  # fmt: skip


def caller_of(serving: Serving, key: str | None = None) -> Caller:
    """A caller with the key of the ready line, or another."""
    return Caller(over_http(serving.url), key or serving.key)


def policy_of(serving: Serving, key: str | None = None) -> dict[str, str]:
    """The policy of a caller's world."""
    reported: dict[str, str] = caller_of(serving, key).sim("world")["policy"]
    return reported


# Ready


def test_the_ready_line_comes_when_connections_are_accepted(serve: Serve) -> None:
    """It has the address and the first key, which work at once."""
    serving = serve("--api-key", "first-key", "--api-key", "second-key")
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+ key first-key\n", serving.ready_line)
    keys = ("first-key", "second-key", "third-key")
    assert [caller_of(serving, key).generate().status for key in keys] == [202, 202, 401]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_the_ready_file_is_made_anew(serve: Serve, tmp_path: Path, kind: str) -> None:
    """A file or link at its path is replaced: no link is followed."""
    precious = tmp_path / "precious"
    precious.write_text("mine")
    if kind == "link":
        (tmp_path / "ready").symlink_to(precious)
    else:
        (tmp_path / "ready").write_text("stale")
    serving = serve("--ready-file", str(tmp_path / "ready"))
    assert precious.read_text() == "mine"
    assert (tmp_path / "ready").read_text() == serving.ready_line
    assert not (tmp_path / "ready").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["precious", "ready"]


# Who may use our own routes


def test_a_server_that_listens_everywhere_is_called_on_loopback(serve: Serve) -> None:
    """Its ready line has a URL that works here, for our own routes, too; the log says how other machines reach it."""
    serving = serve("--host", "0.0.0.0")
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+ key sim-key\n", serving.ready_line)
    assert caller_of(serving).sim("health") == {"status": "ok", "worlds": 1}
    assert serving.end() == 0
    assert serving.log == (
        f"listening on 0.0.0.0 port {serving.url.rpartition(':')[2]}: other machines reach it by a name or address of this one; "
        "/_sim answers only callers on this machine (see --control-token)\n"
    )


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no dual-stack sockets")
@pytest.mark.parametrize("host", ["::", "0::0"])
def test_a_server_on_all_ipv6_addresses_takes_ipv4_too(serve: Serve, host: str) -> None:
    """As most servers do: for the gateway and, from this machine, for our own routes."""
    serving = serve("--host", host)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", serving.url)
    port = serving.url.rpartition(":")[2]
    for url in (serving.url, f"http://[::1]:{port}"):
        caller = Caller(over_http(url), serving.key)
        assert caller.generate().json()["polling_url"].startswith(f"{url}/v2/")
        assert caller.sim("health")["status"] == "ok"


@pytest.mark.parametrize("given", ["option", "variable"])
def test_a_control_token_and_the_names_of_the_host(serve: Serve, given: str) -> None:
    """As in a compose file: the service is called by its name, with the token, and by no other name."""
    token = "compose-token-17"
    if given == "option":
        serving = serve("--control-token", token, "--control-host", "pixazo-sim", "--control-host", "Sim-2")
    else:
        serving = serve(PIXAZO_SIM_CONTROL_TOKEN=token, PIXAZO_SIM_CONTROL_HOST="pixazo-sim sim-2")
    caller, sent = caller_of(serving), {"X-Pixazo-Control-Token": token}
    codes = {
        host: [caller.call("GET", "/_sim/world", headers={"Host": host, **more}).status for more in (sent, {})]
        for host in ("pixazo-sim:8900", "sim-2", "localhost", "sim-3")
    }
    assert codes == {"pixazo-sim:8900": [200, 403], "sim-2": [200, 403], "localhost": [200, 403], "sim-3": [403, 403]}
    assert caller.generate().status == 202
    assert ControlClient(serving.url, control_token=token).health().worlds == 1


def test_a_server_that_is_open_says_so(serve: Serve) -> None:
    """In one line."""
    serving = serve("--control-open")
    assert serving.end() == 0
    port = serving.url.rpartition(":")[2]
    assert serving.log == f"warning: --control-open: anyone who can reach port {port} may use /_sim, without a token\n"


def test_the_limit_of_callbacks_is_that_of_the_command_line(serve: Serve) -> None:
    """Together with the profile's; a world that asks for more is refused."""
    serving = serve("--webhook-allow", "a.test", "--set", "webhook_allow=b.test")
    allowed = [["a.test"], ["b.test"], ["c.test"]]
    policies: list[dict[str, object]] = [{"policy": {"webhook_allow": hosts}} for hosts in allowed]
    assert [caller_of(serving).call("POST", "/_sim/worlds", each).status for each in policies] == [201, 201, 400]


def test_it_listens_on_ipv6(serve: Serve) -> None:
    """An IPv6 address has brackets, in the ready line and in the gateway's URLs."""
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        serving = serve("--host", "::1")
        assert re.fullmatch(r"http://\[::1\]:\d+", serving.url)
        assert caller_of(serving).generate().json()["polling_url"].startswith(f"{serving.url}/v2/requests/status/")
        return
    pytest.skip("this machine has no IPv6 loopback")


# Options


def test_every_option_can_be_given_in_the_environment(tmp_path: Path) -> None:
    """All of them together."""
    ready_file, authority = tmp_path / "ready", tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    serving = Serving(
        PIXAZO_SIM_HOST="localhost",
        PIXAZO_SIM_PORT="0",
        PIXAZO_SIM_API_KEY="key-one key-two",
        PIXAZO_SIM_OPEN_KEYS="1",
        PIXAZO_SIM_BALANCE="0.35",
        PIXAZO_SIM_PROFILE="observed",
        PIXAZO_SIM_SET="submit_code=202; rate_limit=5/60 submits;",
        PIXAZO_SIM_CLOCK="manual",
        PIXAZO_SIM_START="2031-01-01T01:00:00+01:00",
        PIXAZO_SIM_SEED="7",
        PIXAZO_SIM_PUBLIC_ORIGIN="https://gateway.pixazo.ai/pixazo",
        PIXAZO_SIM_WEBHOOK_ALLOW="a.example b.example",
        PIXAZO_SIM_WEBHOOK_CA=str(authority),
        PIXAZO_SIM_NO_MAGIC="1",
        PIXAZO_SIM_READY_FILE=str(ready_file),
        PIXAZO_SIM_LOG_FORMAT="json",
        PIXAZO_SIM_LOG_REQUESTS="1",
    )
    try:
        world = caller_of(serving, "key-two").sim("world")
        replies = [caller_of(serving, key).generate() for key in ("key-one", "key-one", "sim-empty-wallet")]
        ready_line = ready_file.read_text()
    finally:
        assert serving.end() == 0
    assert re.fullmatch(r"ready http://localhost:\d+ key key-one\n", serving.ready_line)
    assert ready_line == serving.ready_line
    assert (world["balance"], world["clock"], world["seed"]) == ("0.35", "manual", 7)
    assert world["now"] == "2031-01-01T00:00:00.000Z"
    assert (world["policy"]["request_id"], world["policy"]["submit_code"]) == ("thirteen", "202")
    assert (world["policy"]["rate_limit"], world["policy"]["webhook_allow"]) == ("5/60 submits", "a.example,b.example")
    assert [reply.status for reply in replies] == [202, 402, 202]
    assert replies[0].json()["polling_url"].startswith("https://gateway.pixazo.ai/pixazo/v2/requests/status/")
    logged = [json.loads(line) for line in serving.log.splitlines()]
    assert [(each["world"], each["status"], each["path"]) for each in logged] == [
        (1, 202, GENERATE),
        (1, 402, GENERATE),
        (3, 202, GENERATE),
    ]


def test_the_variables_are_named_after_the_options() -> None:
    """The help of `serve` names a variable for each option, and there is no other option."""
    output = " ".join(pixazo_sim("serve", "--help").stdout.split())
    assert re.findall(r"PIXAZO_ ?SIM_ ?([A-Z_]+)", output) == OPTIONS
    names = [*(name.lower().replace("_", "-") for name in OPTIONS), "no-log-requests", "help"]
    assert re.findall(r" --([a-z-]+)", output) == names


def test_it_exits_with_its_standard_input_if_told_so() -> None:
    """A program that holds the other end of a pipe need not end it; what it writes there is of no matter, not even before the ready line."""
    with started(COMMAND, "serve", "--port", "0", "--exit-on-stdin-eof") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"hello\n")
        assert process.stdout.readline().startswith(b"ready ")
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        assert process.stderr
        assert b"standard input has ended" in process.stderr.read()


def test_an_option_wins_over_its_variable(serve: Serve) -> None:
    """The command line takes precedence."""
    assert serve("--api-key", "said", PIXAZO_SIM_API_KEY="inherited").key == "said"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lab.toml", 'extends = "observed"\nsubmit_code = 202\nrate_limit = "5/60"\nwebhook_retries = [1, 2]\n'),
        ("lab.json", '{"extends": "observed", "submit_code": 202, "rate_limit": "5/60", "webhook_retries": [1, 2]}'),
    ],
)
def test_a_profile_file(serve: Serve, tmp_path: Path, name: str, text: str) -> None:
    """A file in TOML or JSON sets the fields that it names and takes the others from the profile that it extends."""
    (tmp_path / name).write_text(text)
    policy = policy_of(serve("--profile", str(tmp_path / name)))
    assert [policy[field] for field in ("request_id", "submit_code", "rate_limit", "webhook_retries")] == [
        "thirteen",
        "202",
        "5/60",
        "1,2",
    ]


def test_models_are_served_by_file_and_described(serve: Serve) -> None:
    """As an option of `serve`, in the environment, and of `openapi --gateway`; one that is unknown is a mistake."""
    file = str(Path(__file__).parent / "models" / "sounds.toml")
    caller = caller_of(serve("--model", file))
    assert caller.call("POST", "/sounds/v1/generate", {"input": {"prompt": "A bell"}}).status == 202
    assert caller_of(serve(PIXAZO_SIM_MODEL=file)).call("POST", "/voices/v1/speak", {}).status == 202
    described = json.loads(pixazo_sim("openapi", "--gateway", "--model", file).stdout)
    assert "/voices/v1/speak" in described["paths"]
    assert mistake("serve", "--model", "ltx.tml").startswith("model 'ltx.tml' is not one of ")
    assert mistake("openapi", "--model", file) == "--model applies to the gateway: add --gateway"


def test_magic_and_no_magic(serve: Serve) -> None:
    """With `--no-magic`, magic prompts and keys have no special meaning."""
    with_magic, without = serve("--clock", "manual"), serve("--clock", "manual", "--no-magic")
    keys = ("sim-empty-wallet", "sim-suspended", "sim-throttled", "sim-broken")
    assert [caller_of(with_magic, key).generate().status for key in keys] == [402, 403, 429, 500]
    assert [caller_of(without, key).generate().status for key in keys] == [401, 401, 401, 401]
    ends: list[str] = []
    for serving in (with_magic, without):
        caller = caller_of(serving)
        request_id = caller.accepted("A bear [[sim:failed too wild]]")
        caller.advance(15)
        ends.append(caller.status(request_id))
    assert ends == ["FAILED", "COMPLETED"]


def test_a_scaled_clock(serve: Serve, receiver: Receiver) -> None:
    """At a thousand times real time the page's 15 s are over when the webhook comes, after 15 ms."""
    caller = caller_of(serve("--clock", "x1000"))
    request_id = caller.accepted(webhook=receiver.url)
    (callback,) = receiver.wait()
    assert json.loads(callback.body)["status"] == "COMPLETED"
    assert callback.body == caller.read(request_id).body


# Mistakes

WRONG: list[tuple[list[str], str]] = [
    (["serv"], "No such command 'serv' (did you mean serve?)."),
    (["--url", "http://127.0.0.1:2", "clock"], "No such option '--url'. Put the options of a command after its name."),
    (["serve", "--clock", "x0"], "clock 'x0' is not one of real, manual, xN (for example x20)"),
    (["serve", "--start", "today"], "start 'today' is neither now nor an instant of the years 1970 to 9999 with a time zone, such as 2026-03-31T10:00:00Z"),
    (["serve", "--balance", "-1"], "amount '-1' is not a sum of US dollars from 0 to 1000000000, such as 12.50"),
    (["serve", "--balance", "٣"], "amount '٣' is not a sum of US dollars from 0 to 1000000000, such as 12.50"),
    (["serve", "--host", ""], "--host '' is not an address: give one, such as 127.0.0.1, or 0.0.0.0 for all of this machine"),
    (["serve", "--api-key", "ключ"], "--api-key cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["serve", "--api-key", "a b "], "--api-key cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["serve", "--set", "cors"], "--set 'cors' is not FIELD=VALUE"),
    (["serve", "--set", "cros=on"], "policy field 'cros' does not exist (did you mean cors?): see pixazo-sim policy"),
    (["serve", "--set", "media=mp3"], "policy field media: 'mp3' is not one of mp4, placeholder (did you mean mp4?)"),
    (["serve", "--control-token", "to\nken"], "--control-token cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["serve", "--control-token", ""], "--control-token cannot be sent as a header: use printable ASCII without leading or trailing spaces"),
    (["serve", "--control-token", "a", "--control-open"], "--control-token and --control-open exclude each other: choose one"),
    (["serve", "--control-host", "http://a.test"], "--control-host 'http://a.test' is not a host name: give it without scheme, port or path"),
    (["serve", "--control-host", "a.test:80"], "--control-host 'a.test:80' is not a host name: give it without scheme, port or path"),
    (["serve", "--control-host", "0.0.0.0"], "--control-host 0.0.0.0 is not an address of one machine, and for browsers it is this one: give the host or address under which /_sim is called"),
    (["serve", "--control-host", "0::"], "--control-host 0:: is not an address of one machine, and for browsers it is this one: give the host or address under which /_sim is called"),
    (["serve", "--webhook-allow", "a.test:80"], "policy field webhook_allow: 'a.test:80' is not a host name or address without port (for example hooks.example.com)"),
    (["serve", "--webhook-ca", "no.pem"], "webhook CA file no.pem cannot be read: No such file or directory"),
    (["exec", "--webhook-ca", "/dev/null", "--", "true"], "webhook CA file /dev/null has no certificate in PEM format: give that of the authority, such as rootCA.pem"),
    (["serve", "--public-origin", "gateway"], "policy field public_origin: 'gateway' is not caller, forwarded or an origin such as https://gateway.pixazo.ai, with or without a path"),
    (["serve", "--profile", "observd"], "profile 'observd' is not one of documented, observed, nor a file (did you mean observed?)"),
    (["serve", "--profile", "no.toml"], "profile no.toml cannot be read: No such file or directory"),
    (["serve", "--port", "0", "--ready-file", "no/such/file"], "ready file no/such/file cannot be written: No such file or directory"),
    (["serve", "--port", "0", "--ready-file", "/dev/null"], "ready file /dev/null cannot be written: it is not a regular file: choose another path"),
    (["serve", "--profile", "."], "profile . cannot be read: Is a directory"),
    (["serve", "--profile", "/dev/zero"], "profile /dev/zero is larger than 16777216 bytes"),
    (["serve", "--profile", "a" * 300], f"profile {'a' * 300!r} is not one of documented, observed, nor a file"),
    (["serve", "--profile", f"{'a' * 300}.toml"], f"profile {'a' * 300}.toml cannot be read: File name too long"),
    (["serve", "--mutant", "no-poling-url"], "mutant 'no-poling-url' does not exist (did you mean no-polling-url?): see pixazo-sim mutants"),
    (["serve", "--variant", "slow"], "variant 'slow' does not exist (did you mean slower?): see pixazo-sim mutants"),
    (["serve", "--mutant", "a", "--variant", "b"], "--mutant a and --variant b exclude each other: choose one"),
    (["serve", "--workers", "2", "--state", "memory"], "--workers 2: several processes cannot share the state memory: use --state redis://HOST:PORT/DB, or one worker"),
    (["serve", "--workers", "2", "--state", "memory-log"], "--workers 2: several processes cannot share the state memory-log: use --state redis://HOST:PORT/DB, or one worker"),
    (["serve", "--workers", "2", "--state", "sqlite:x.db"], "--workers 2: several processes cannot share the state sqlite:x.db: use --state redis://HOST:PORT/DB, or one worker"),
    (["serve", "--state", "redis:/typo"], "state 'redis:/typo' is not one of memory, memory-log, sqlite:FILE, redis://HOST:PORT/DB (did you mean redis://HOST:PORT/DB?)"),
    (["demo", "--out", "/dev/null/videos"], "folder /dev/null/videos cannot be created: Not a directory"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_a_mistake_is_one_line_and_exit_2(arguments: list[str], says: str) -> None:
    """The line names the thing, the value and the remedy."""
    assert mistake(*arguments) == says


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["explode"], ["explode"]),
        (["--versoin"], ["--versoin", "--version"]),
        (["policy", "--jsn"], ["--jsn", "--json"]),
        (["serve", "--prot", "1"], ["--prot", "--port"]),
        (["serve", "now"], ["now"]),
        (["serve", "--port"], ["--port", "requires an argument"]),
        (["serve", "--port", "x"], ["--port", "PIXAZO_SIM_PORT", "'x' is not a valid whole number"]),
        (["serve", "--port", "65536"], ["--port", "65536", "0<=x<=65535"]),
        (["serve", "--log-format", "xml"], ["--log-format", "xml", "'text', 'json'"]),
    ],
)
def test_a_mistake_that_click_finds(arguments: list[str], names: list[str]) -> None:
    """One line, too: what is wrong, and what is similar or allowed."""
    says = mistake(*arguments)
    assert [name for name in names if name not in says] == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("lab.toml", b"submit_cod = 202", ", line 1: policy field 'submit_cod' does not exist (did you mean submit_code?): see pixazo-sim policy"),
        ("lab.json", b'{"submit_code": 201}', ", line 1: policy field submit_code: '201' is not one of 202, 200 (did you mean 202?)"),
        ("lab.toml", b'cors = "on"\nextends = "documentd"', ", line 2: extends 'documentd' is not one of documented, observed (did you mean documented?)"),
        ("lab.toml", b"submit_code", " is not valid TOML: "),
        ("lab.json", b"[]", ", line 1: a profile is a table of policy fields"),
        ("lab.yaml", b"cors: off\nretention:\n", ", line 2: policy field retention: null and tables are not allowed"),
        ("lab.yml", b"cors: off\n\tprice: 6=0.35\n", ", line 2: not valid YAML: found character '\\t' that cannot start any token"),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_wrong_profile_file(tmp_path: Path, name: str, text: bytes, says: str) -> None:
    """The line has the nearest known name, or the position of the mistake if the parser knows it."""
    file = tmp_path / name
    file.write_bytes(text)
    assert mistake("serve", "--profile", str(file)).startswith(f"profile {file}{says}")


def test_a_port_in_use() -> None:
    """The message has the port and the remedy."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        says = mistake("serve", "--port", str(port))
    assert (
        says == f"cannot listen on 127.0.0.1 port {port}: Address already in use; choose another with --host or --port"
    )


def test_a_variable_with_a_mistake() -> None:
    """The message is that of the option, and names the variable."""
    says = mistake("serve", PIXAZO_SIM_SEED="seven")
    assert re.fullmatch(r".*PIXAZO_SIM_SEED.*'seven' is not a valid whole number\.", says)


# The end


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_under_load(serve: Serve, deaf: socket.socket, number: signal.Signals) -> None:
    """With clients that never pause, an advance and webhooks that wait for a receiver that does not respond, and silent connections: exit code 0."""
    serving = serve("--open-keys", "--balance", "1000000", "--set", "job_times=0+0")
    hook = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
    busy = threading.Semaphore(0)
    threads = [threading.Thread(target=submit_for_ever, args=(serving, f"caller-{n}", hook, busy)) for n in range(4)]
    threads.append(threading.Thread(target=advance_for_ever, args=(serving, hook)))
    for thread in threads:
        thread.start()
    for _ in range(40):
        assert busy.acquire(timeout=PATIENCE)
    address = urlsplit(serving.url)
    silent = [socket.create_connection((str(address.hostname), int(address.port or 0))) for _ in range(10)]
    code = serving.end(number)
    for connection in silent:
        connection.close()
    for thread in threads:
        thread.join()
    assert code == 0
    assert "Traceback" not in serving.log


@pytest.mark.parametrize(("number", "codes"), [(signal.SIGTERM, []), (signal.SIGINT, [130])])
def test_a_second_sigint_ends_it_by_force(monkeypatch: pytest.MonkeyPatch, number: int, codes: list[int]) -> None:
    """No second SIGTERM: `timeout` sends it to the process and to its group."""
    seen, ended = list[int](), threading.Event()
    monkeypatch.setattr(os, "_exit", seen.append)
    ended.set()
    begin_end(ended, number)
    assert seen == codes


@pytest.fixture
def deaf() -> Iterator[socket.socket]:
    """A receiver that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def submit_for_ever(serving: Serving, key: str, hook: str, busy: threading.Semaphore) -> None:
    """Submit and read without a pause until the server is gone, and count."""
    caller = caller_of(serving, key)
    with suppress(OSError, HTTPException):
        while True:
            caller.read(caller.accepted(webhook=hook))
            busy.release()


def advance_for_ever(serving: Serving, hook: str) -> None:
    """Advance a world whose webhooks are never accepted until the server is gone."""
    caller = caller_of(serving, "a-manual-world")
    with suppress(OSError, HTTPException):
        caller.call("POST", "/_sim/worlds", {"key": caller.key, "clock": "manual"})
        caller.accepted(webhook=hook)
        while True:
            caller.advance(3600)


def test_an_idle_server_ends_at_once(serve: Serve) -> None:
    """Nothing is written to standard error."""
    serving = serve()
    assert serving.end(signal.SIGTERM) == 0
    assert serving.log == ""


def child(code: str, *arguments: str, of: str = "pixazo_simulator") -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A process that runs some code, then the command of a package with these arguments."""
    code = f"import sys\nfrom {of}.cli import main\n{code}\nsys.argv[1:] = {list(arguments)!r}\nmain()\n"
    return started(sys.executable, "-c", code)


def line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line that it prints."""
    assert process.stdout
    return process.stdout.readline()


def test_a_signal_may_reach_any_thread() -> None:
    """The main thread waits, and wakes up."""
    with child(SIGNAL_ELSEWHERE, "serve", "--port", "0") as process:
        assert line(process).startswith(b"ready ")
        _, output = process.communicate(b"!", PATIENCE)
        assert (process.returncode, output) == (0, b"")


def test_a_signal_may_come_while_it_starts() -> None:
    """It ends as after the ready line."""
    code = """
import os, signal
from pixazo_simulator.server.simulator import Simulator
start = Simulator.start
def signalled(self):
    os.kill(os.getpid(), signal.SIGTERM)
    return start(self)
Simulator.start = signalled
"""
    with child(code, "serve", "--port", "0") as process:
        _, output = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output) == (0, b"")


NEVER = """
import threading
from pixazo_simulator.cli import serve
from pixazo_simulator.server.simulator import Simulator
def never(self):
    print("stopping", flush=True)
    threading.Event().wait()
Simulator.stop = never
"""
"""A server whose stop does not return."""


def test_a_second_signal_ends_it_at_once() -> None:
    """With the exit code of a process that the signal has ended."""
    with child(NEVER, "serve", "--port", "0") as process:
        assert line(process).startswith(b"ready ")
        assert line(process).startswith(b"console ")
        process.terminate()
        assert line(process) == b"stopping\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 128 + signal.SIGINT


def test_it_ends_where_no_thread_can_be_started() -> None:
    """That which would end it by force is not needed."""
    code = "import threading\ndef unable(self): raise RuntimeError('no thread')\nthreading.Timer.start = unable"
    with child(code, "serve", "--port", "0") as process:
        assert line(process).startswith(b"ready ")
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_what_does_not_end_is_ended_by_force() -> None:
    """A line says what it was executing."""
    with child(f"{NEVER}serve.LAST_RESORT = 0.1", "serve", "--port", "0") as process:
        assert line(process).startswith(b"ready ")
        process.terminate()
        _, output = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert re.fullmatch(rb"pixazo-sim: forced to exit after 0\.1 s, in \S+, \S+threading\.py:\d+\n", output)


# What it prints


def test_policy_prints_every_point() -> None:
    """All 72 rows, in order, each with its field, its default, its label and its clauses."""
    output = pixazo_sim("policy").stdout
    heads = re.findall(r"^ ?(\d+)  (\w+) = ", output, re.MULTILINE)
    assert [int(row) for row, _ in heads] == list(range(1, 73))
    assert heads[30] == ("31", "job_times")
    assert "\n31  job_times = 2+13   (observed: 5-20+60-180)\n    [documented] FLOW-05\n" in output


def test_policy_as_json() -> None:
    """72 objects with the same members."""
    rows: list[dict[str, Any]] = json.loads(pixazo_sim("policy", "--json").stdout)
    assert [row["row"] for row in rows] == list(range(1, 73))
    members = {"row", "field", "documented", "observed", "values", "label", "clauses", "description"}
    assert all(set(row) == members for row in rows)
    assert len({row["field"] for row in rows}) == 72
    assert {row["label"] for row in rows} <= {"documented", "vendor", "observed", "inferred", "assumed", "ours"}
    assert (rows[47]["field"], rows[47]["documented"], rows[47]["observed"]) == ("submit_code", "202", "200")


def test_every_policy_value_is_accepted_back(serve: Serve) -> None:
    """The value that `policy` prints can be given to `--set`, and the server then has it."""
    rows = [row for row in json.loads(pixazo_sim("policy", "--json").stdout) if row["field"] in points()]
    settings = [text for row in rows for text in ("--set", f"{row['field']}={row['observed']}")]
    assert policy_of(serve(*settings)) == {row["field"]: row["observed"] for row in rows}


def test_magic_prints_every_prompt_and_key() -> None:
    """Six marks and nine keys, each with what it does."""
    output = pixazo_sim("magic").stdout
    assert re.findall(r"^  (\[\[sim:[^]]+\]\]|sim-[a-z-]+)  +the (?:generation|caller) ", output, re.MULTILINE) == [
        "[[sim:failed TEXT]]", "[[sim:error TEXT]]", "[[sim:stuck]]", "[[sim:after SECONDS]]", "[[sim:polls N]]", "[[sim:moderated]]",
        "sim-empty-wallet", "sim-one-video", "sim-two-videos", "sim-suspended", "sim-throttled",
        "sim-throttled-briefly", "sim-broken", "sim-disabled-model", "sim-another-account",
    ]  # fmt: skip


@pytest.mark.slow
def test_version_and_help() -> None:
    """The version is one line; help lists the commands, and is also printed without a command."""
    version, reported, bare = pixazo_sim("--version"), pixazo_sim("--help"), pixazo_sim()
    assert pixazo_sim("-h").stdout == reported.stdout
    for command in ("serve", "exec", "demo", "policy"):
        assert pixazo_sim(command, "-h").stdout == pixazo_sim(command, "--help").stdout != ""
    assert re.fullmatch(r"pixazo-sim \d+\.\d+\.\d+\S*\n", version.stdout)
    assert re.findall(r"^  (serve|demo|policy|magic) ", reported.stdout, re.MULTILINE) == [
        "serve",
        "demo",
        "policy",
        "magic",
    ]
    assert (reported.returncode, reported.stderr) == (0, "")
    assert (bare.returncode, bare.stdout, bare.stderr) == (2, "", reported.stdout)


MODULES = """
import atexit

@atexit.register
def show():
    print("modules:", *sys.modules)
"""
ANSWERED = """
import os, socket
from pixazo_simulator.cli import serve

def answer(line, *_, **__):
    with socket.socket() as caller:
        caller.connect(("127.0.0.1", int(line.split()[1].rpartition(":")[2])))
        head = "POST /minimax-hailuo-ai/v1/generate HTTP/1.1\\r\\nHost: x\\r\\nOcp-Apim-Subscription-Key: sim-key\\r\\nContent-Type: application/json\\r\\nContent-Length: 15"
        caller.sendall(head.encode() + b'\\r\\n\\r\\n{"prompt": "A"}')
        assert b" 202 " in caller.recv(4096)
    print("modules:", *sys.modules, flush=True)
    os._exit(0)

serve.print_ready = answer
"""
SIMULATOR, SLOW = "pixazo_simulator", ["asyncio", "importlib.metadata", "logging", "msgspec"]


@pytest.mark.parametrize(
    ("package", "code", "arguments", "absent"),
    [
        (SIMULATOR, MODULES, ["--version"], ["click", "email", "typing"]),
        *[(SIMULATOR, MODULES, [*command, "--help"], SLOW) for command in ([], ["serve"], ["exec"])],
        ("pixazo_contracts", MODULES, ["--help"], SLOW),
        (
            SIMULATOR,
            ANSWERED,
            ["serve", "--port", "0"],
            [
                "anyio", "cryptography", "difflib", "encodings.idna", "http.client", "httpx2", "imagesize", "importlib.resources",
                "pixazo_simulator.control.client", "pixazo_simulator.control.handler", "pixazo_simulator.control.schema",
                "pixazo_simulator.mutants", "pixazo_simulator.redirect", "pixazo_simulator.script.builder",
                "pixazo_simulator.server.loopback", "re2", "starlette", "trustme", "xml",
            ],
        ),
    ],
    ids=["version", "help", "help of serve", "help of exec", "help of the contracts", "serve"],
)  # fmt: skip
def test_what_a_command_does_not_import(package: str, code: str, arguments: list[str], absent: list[str]) -> None:
    """The help needs no server, and the first response of a server nothing that only other requests need."""
    with child(code, *arguments, of=package) as process:
        output, _ = process.communicate(timeout=PATIENCE)
    imported = output.decode().rpartition("modules:")[2].split()
    assert f"{package}.cli" in imported
    assert sorted({*absent} & {*imported}) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "command"), [("pixazo_simulator", "pixazo-sim"), ("pixazo_contracts", "pixazo-contracts")]
)
def test_a_package_is_a_command(package: str, command: str) -> None:
    """`python -m PACKAGE` is the command, whose version is that of the package."""
    shown = f"{command} {import_module(package).__version__}\n"
    for way in ((sys.executable, "-m", package), (Path(COMMAND).with_name(command),)):
        assert run_process(*way, "--version").stdout == shown
        assert run_process(*way, "-h").stdout == run_process(*way, "--help").stdout != ""


NOT_READY = "the ready line cannot be written to standard output: {}; redirect it to a file or /dev/null"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        *[([command], 1, None) for command in ("policy", "mutants", "faults", "openapi", "--help")],
        (["serve", "--port", "0"], 2, NOT_READY.format("Broken pipe")),
    ],
)
def test_only_a_server_needs_a_reader(arguments: list[str], code: int, says: str | None) -> None:
    """Who reads no further makes no mistake, as in `pixazo-sim policy | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken:
        ended = run_process(COMMAND, *arguments, stdout=broken)
    assert (ended.returncode, ended.stderr) == (code, f"pixazo-sim: {says}\n" if says else "")


FULL = "standard output cannot be written: No space left on device"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("policy >/dev/full", FULL),
        ("--version >/dev/full", FULL),
        ("magic >/dev/full", FULL),
        ("serve --port 0 >&-", "standard output is closed, so the ready line cannot be written: redirect it to a file or /dev/null"),
        ("serve --port 0 >/dev/full", NOT_READY.format("No space left on device")),
        ("serve --port 0 <&- >&- 2>&-", None),
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_written(arguments: str, says: str | None) -> None:
    """There is one line, if there is a standard error, and exit code 2."""
    ended = shell(f'exec "$@" {arguments}')
    assert (ended.returncode, ended.stderr) == (2, f"pixazo-sim: {says}\n" if says else "")


def test_without_standard_error() -> None:
    """It serves: the log is discarded, and not written to a socket."""
    with started("/bin/sh", "-c", 'exec "$@" 2>&-', "sh", COMMAND, "serve", "--port", "0") as process:
        url = line(process).split()[1].decode()
        assert [Caller(over_http(url), key).generate().status for key in ("nobody", "sim-key")] == [401, 202]
        process.terminate()
        assert process.wait(PATIENCE) == 0


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which "$@" is the command."""
    return run_process("/bin/sh", "-c", command, "sh", COMMAND)


# The log


REFUSED = 300
"""Calls whose log lines are more than a pipe holds and than may wait."""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", pytest.param("json", marks=pytest.mark.exhaustive)])
def test_nobody_waits_for_a_reader_of_the_log(form: str) -> None:
    """Every call is answered; once the log is read, it says how many lines were dropped."""
    with started(COMMAND, "serve", "--port", "0", "--log-format", form) as process:
        assert process.stderr
        caller = Caller(over_http(line(process).split()[1].decode()), "nobody")
        for number in range(REFUSED):
            assert caller.call("GET", f"/{number:04}{'a' * 6000}").status == 404
        output = b""
        while b"were dropped" not in output:
            output += os.read(process.stderr.fileno(), 65536)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    lines = output.decode().splitlines()
    dropped = int(re.findall(r"(\d+) log lines were dropped: standard error was not read fast enough", lines[-1])[0])
    assert dropped > 0
    assert len(lines) - 1 + dropped == REFUSED
    if form == "json":
        assert json.loads(lines[-1])["level"] == "warning"


@pytest.mark.slow
def test_a_log_that_nobody_reads_keeps_nobody_from_ending() -> None:
    """The waiting lines are discarded."""
    with started(COMMAND, "serve", "--port", "0") as process:
        caller = Caller(over_http(line(process).split()[1].decode()), "nobody")
        for _ in range(100):
            assert caller.call("GET", f"/{'a' * 2000}").status == 404
        process.terminate()
        assert process.wait(PATIENCE) == 0


LOGGED = """
import logging
from pixazo_simulator.cli.process import log_to_stderr
log_to_stderr({form!r})
log = logging.getLogger("pixazo_simulator")
log.info("GET %s", "/a\\r\\nforged\\x1b[2K\\x85\\u2028\\ud800b")
log.error("b", exc_info=ValueError("a\\nforged"))
logging.getLogger("elsewhere").info("not ours")
logging.getLogger("elsewhere").warning("not ours")
"""

OURS, NO_WORLD = '"time": "NOW"', '"world": null, "request_id": null'
TIME = r'"time": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"'


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("text", [r"GET /a\u000d\u000aforged\u001b[2K\u0085\u2028\ud800b", "b", "    ValueError: a", "    forged", "not ours"]),
        (
            "json",
            [
                rf'{{{OURS}, "level": "info", "logger": "pixazo_simulator", "message": "GET /a\r\nforged\u001b[2K\u0085\u2028\ud800b", {NO_WORLD}}}',
                rf'{{{OURS}, "level": "error", "logger": "pixazo_simulator", "message": "b", {NO_WORLD}, "traceback": "ValueError: a\nforged"}}',
                f'{{{OURS}, "level": "warning", "logger": "elsewhere", "message": "not ours", {NO_WORLD}}}',
            ],
        ),
    ],
)  # fmt: skip
def test_a_caller_forges_no_line(form: str, lines: list[str]) -> None:
    """Line breaks and terminal control characters are escaped; the lines of an exception are indented."""
    with started(sys.executable, "-c", LOGGED.format(form=form)) as process:
        output = process.communicate(timeout=PATIENCE)[1]
    assert re.sub(r"(?m)^\{" + TIME, f"{{{OURS}", output.decode()).split("\n") == [*lines, ""]


def test_a_log_of_every_call(serve: Serve, receiver: Receiver) -> None:
    """With its world, request id, method, path, status and duration; without any key; calls of our own routes are not logged."""
    key = "canary-4711-0815"
    serving = serve("--api-key", key, "--log-format", "json", "--log-requests", "--clock", "manual")
    caller = caller_of(serving)
    request_id = caller.accepted(webhook=receiver.url)
    caller.advance(15)
    caller.read(request_id)
    caller.read(key)
    caller.call("POST", f"/{key}/v1/generate?x={key}", {"prompt": key})
    caller_of(serving, "sim-empty-wallet-9").generate()
    assert serving.end() == 0
    assert key not in serving.log
    logged = [json.loads(line) for line in serving.log.splitlines()]
    assert [(each["world"], each.get("method"), each.get("path"), each.get("status")) for each in logged] == [
        (1, "POST", GENERATE, 202),
        (1, None, None, None),  # the webhook
        (1, "GET", f"/v2/requests/status/{request_id}", 200),
        (1, "GET", "/v2/requests/status/[redacted]", 404),
        (1, "POST", "/[redacted]/v1/generate", 400),
        (2, "POST", GENERATE, 402),
    ]
    assert {each["level"] for each in logged} == {"info"}
    assert [each["request_id"] for each in logged] == [*[request_id] * 3, "[redacted]", None, None]
    assert all(0 <= each["duration"] < PATIENCE for each in logged if "status" in each)
    assert re.fullmatch(rf"POST {GENERATE} answered 202 in [\d.]+ ms: accepted {request_id}", logged[0]["message"])


@pytest.mark.parametrize(("option", "lines"), [((), 1), (("--no-log-requests",), 0)])
def test_every_call_is_logged_on_a_terminal(option: tuple[str, ...], lines: int) -> None:
    """Unless the option says otherwise."""
    ours, theirs = pty.openpty()
    with (
        os.fdopen(ours, "rb", 0) as terminal,
        started(COMMAND, "serve", "--port", "0", *option, stderr=theirs) as process,
    ):
        os.close(theirs)
        assert process.stdout
        url, key = process.stdout.readline().split()[1::2]
        assert Caller(over_http(url.decode()), key.decode()).generate().status == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        shown = b""
        with suppress(OSError):  # Linux says so that the other side was closed
            while piece := terminal.read(65536):
                shown += piece
    assert (
        len(re.findall(rb"POST \S+ answered 202 in [\d.]+ ms: accepted \S+\r\n", shown)) == shown.count(b"\n") == lines
    )


def test_the_log_has_refusals_and_callbacks_and_no_key(serve: Serve, receiver: Receiver) -> None:
    """One line for each refused call and each webhook attempt, wherever the caller has put its key."""
    key = "canary-4711-0815"
    serving = serve("--api-key", key, "--clock", "manual", "--set", "query_key=accept")
    caller = caller_of(serving)
    request_id = caller.generate(webhook=f"{receiver.url}?key={key}").json()["request_id"]
    caller.advance(15)
    caller.generate(resolution=key)
    caller.call("GET", f"/{key}?subscription-key={key}")
    Caller(over_http(serving.url), f"{key}-unknown").generate()
    assert serving.end() == 0
    assert key not in serving.log
    messages = serving.log.splitlines()
    assert [line.split(" answered ")[0] for line in messages[1:]] == [
        "POST /minimax-hailuo-ai/v1/generate",
        "GET /[redacted]",
        "POST /minimax-hailuo-ai/v1/generate",
    ]
    assert messages[0] == f"webhook about {request_id} to {receiver.url}?key=[redacted]: answered 204"
    assert messages[1].endswith(
        'answered 400: {"error":"Invalid request","message":"resolution must be one of \\"768P\\", \\"1080P\\", not the string \\"[redacted]\\"."}'
    )
