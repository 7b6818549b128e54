"""`pixazo-sim listen`, as a process of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.caller import Caller, over_http
from tests.command import COMMAND, Serving, environment, mistake, pixazo_sim, started
from tests.patience import PATIENCE
from tests.receiver import Behaviour, Receiver, http_response
from tests.servers import free_port

Serve = Callable[..., Serving]

OPTIONS = [
    "HOST", "PORT", "FORWARD_TO", "SECRET", "RESPOND", "SAVE", "REPLAY", "JSON", "CONTROL_TOKEN", "CONTROL_OPEN", "CONTROL_HOST",
    "READY_FILE",
]  # fmt: skip
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TIME = r"\d\d:\d\d:\d\dZ"


@pytest.fixture
def listen(serve: Serve) -> Serve:
    """Starts `pixazo-sim listen` with some options, on a free port."""

    def start(*options: str, **variables: str) -> Serving:
        listening = serve(*options, command="listen", **variables)
        assert listening.line() == f"console {listening.url}/_sim/console\n"
        return listening

    return start


def post(listening: Serving, body: object, path: str = "/hook", **headers: str) -> int:
    """Send a webhook; returns the status code of the answer."""
    return Caller(over_http(listening.url), "k").call("POST", path, body, headers).status


def lines(listening: Serving, count: int) -> list[str]:
    """The next lines that it prints, without times."""
    return [re.sub(r"in \d+ ms", "in N ms", re.sub(TIME, "TIME", listening.line())) for _ in range(count)]


@pytest.mark.slow
def test_webhooks_of_a_simulator_pass_through_it_to_the_app(serve: Serve, listen: Serve) -> None:
    """The app fails once, so the simulator retries; the receiver knows the webhook again, and its signature."""
    with Receiver(http_response(500), http_response(204)) as app:
        serving = serve("--clock", "manual", "--set", "webhook_signature=standard")
        gateway = Caller(over_http(serving.url), serving.key)
        secret = gateway.sim("world")["webhook_secret"]
        listening = listen("--forward-to", app.url, "--secret", secret)
        request_id = gateway.accepted(webhook=f"{listening.url}/hook")
        gateway.advance(15 + 5)
        (delivery,) = gateway.sim("deliveries")["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 204]
    assert [json.loads(each.body)["request_id"] for each in app.received] == [request_id] * 2
    arrived, refused, again, taken = lines(listening, 4)
    begin, size = f"TIME  POST /hook  COMPLETED {request_id}", len(app.received[0].body)
    assert arrived.startswith(f"#1  {begin}  {size} bytes  signature valid, but from ")
    assert again.startswith(f"#2  {begin}  {size} bytes  again, 2nd time  signature valid, but from ")
    assert (refused, taken) == ("#1  answered 500 in N ms\n", "#2  answered 204 in N ms\n")


def test_a_webhook_that_is_not_forwarded_is_a_line(listen: Serve) -> None:
    """And is answered with what the user said; `ready` comes first."""
    listening = listen("--respond", "503")
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+\n", listening.ready_line)
    assert post(listening, {"status": "FAILED", "request_id": "r-1"}) == 503
    assert lines(listening, 1) == ["#1  TIME  POST /hook  FAILED r-1  41 bytes  not signed  answered 503\n"]


@pytest.mark.parametrize(
    "body",
    [
        b"\x1b[2K\r\nready http://evil",
        b'{"request_id": "\\u001b[2K\\nready", "status": "\\u202e\\u0085\\u007f"}',
        b"\xff\x00",
    ],
)
def test_nothing_that_came_controls_a_terminal(listen: Serve, body: bytes) -> None:
    """Control characters are escaped, and begin no line."""
    listening = listen()
    assert post(listening, body, "/hook%1b?a=%0a") == 204
    (line,) = lines(listening, 1)
    assert line.startswith("#1  TIME  POST /hook%1b?a=%0a  ")
    assert line[:-1].isprintable()
    assert post(listening, b"") == 204
    assert lines(listening, 1) == ["#2  TIME  POST /hook  0 bytes  not signed  answered 204\n"]


def test_json_lines(listen: Serve, receiver: Receiver) -> None:
    """One object for each webhook, once it was answered."""
    listening = listen("--json", "--forward-to", receiver.url)
    post(listening, {"status": "FAILED"}, **{"X-Token": "canary-1234"})
    line = listening.line()
    assert "canary" not in line
    found: dict[str, Any] = json.loads(line)
    assert [found[name] for name in ("number", "method", "path", "status", "body", "times")] == [
        1, "POST", "/hook", "FAILED", '{"status": "FAILED"}', 1,
    ]  # fmt: skip
    assert found["headers"]["x-token"] == "[hidden]"
    assert [each["status"] for each in found["answers"]] == [204]


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "colours"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal(variables: dict[str, str], colours: bool) -> None:
    """A webhook that the app does not take is red there, unless NO_COLOR is set."""
    ours, theirs = pty.openpty()
    with (
        Receiver(http_response(500)) as app,
        os.fdopen(ours, "rb", 0) as terminal,
        started(
            COMMAND,
            "listen",
            "--port",
            "0",
            "--forward-to",
            app.url,
            stdout=theirs,
            env=environment(TERM="xterm", **variables),
        ) as process,
    ):
        os.close(theirs)
        shown = b""
        while b"/_sim/console" not in shown:
            shown += terminal.read(65536)
        assert Caller(over_http(shown.split()[1].decode()), "k").call("POST", "/", {}).status == 500
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        with suppress(OSError):  # Linux says so that the other side was closed
            while piece := terminal.read(65536):
                shown += piece
    assert (re.search(rb"\x1b\[31m#1  answered 500 in \d+ ms\x1b\[0m\r\n", shown) is not None) == colours
    assert (b"\x1b" in shown) == colours


@pytest.mark.slow
def test_an_interrupt_ends_it(listen: Serve) -> None:
    """With exit code 0, also while the app is thinking."""
    with Receiver(Behaviour.SILENT) as app:
        listening = listen("--forward-to", app.url)
        port = int(listening.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sender:
            sender.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            app.wait()
            assert listening.end(signal.SIGINT) == 0
    assert listening.log == ""


@pytest.mark.slow
def test_what_is_saved_can_be_replayed(listen: Serve, tmp_path: Path) -> None:
    """Only its owner may read the file, it has no secret header, and its webhooks reach the app in order."""
    file = tmp_path / "saved"
    file.touch(0o644)
    listening = listen("--save", str(file), "--respond", "500")
    bodies = [b'{"status": "QUEUED"}', b"\xff\x00", b'{"status": "COMPLETED"}']
    for body in bodies:
        post(listening, body, Authorization="Bearer canary-1234")
    assert listening.end() == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"canary" not in file.read_bytes()
    with Receiver(http_response(200), http_response(201), http_response(404), http_response(204)) as app:
        ran = pixazo_sim("listen", "--replay", str(file), "--forward-to", app.url)
        again = pixazo_sim("listen", "--replay", str(file), "--forward-to", app.url)
    assert [each.body for each in app.received] == bodies * 2
    assert "authorization" not in app.received[0].headers
    assert (ran.returncode, again.returncode) == (1, 0)
    said = re.sub(r"in \d+ ms", "in N ms", re.sub(TIME, "TIME", ran.stdout)).splitlines()
    assert said == [
        "#1  TIME  POST /hook  QUEUED  20 bytes  not signed",
        "#1  answered 200 in N ms",
        "#2  TIME  POST /hook  2 bytes  not signed",
        "#2  answered 201 in N ms",
        "#3  TIME  POST /hook  COMPLETED  23 bytes  not signed",
        "#3  answered 404 in N ms",
    ]


def test_a_webhook_that_cannot_be_saved_is_answered(tmp_path: Path) -> None:
    """And the log says so; a full disk ends nothing, and no part of a line is left in the file."""
    file = tmp_path / "f"
    # A byte code file of which a part is written would damage the installation.
    command = 'ulimit -f 1; export PYTHONDONTWRITEBYTECODE=1; exec "$@"'
    with started("/bin/sh", "-c", command, "sh", COMMAND, "listen", "--port", "0", "--save", file) as process:
        assert process.stdout
        assert process.stderr
        caller = Caller(over_http(process.stdout.readline().split()[1].decode()), "k")
        for body in ({}, {"prompt": "A bear" * 500}):
            assert caller.call("POST", "/", body).status == 204
        process.terminate()
        said = process.stderr.read().decode()
    assert said == f"webhook 2 was not saved: {file} cannot be written: File too large\n"
    assert [line[-1:] for line in file.read_bytes().splitlines(keepends=True)] == [b"\n"]


MISTAKES: list[tuple[list[str], str]] = [
    (["--forward-to", "app"], "--forward-to is not a URL of an app, such as http://127.0.0.1:3000/hooks: it has no scheme such as https"),
    (["--forward-to", "ftp://a"], '--forward-to is not a URL of an app, such as http://127.0.0.1:3000/hooks: its scheme is "ftp"'),
    (["--secret", "canary"], "the secret is not whsec_ and Base64: give the webhook_secret of GET /_sim/world as it is"),
    (["--respond", "100"], "Invalid value for '--respond' (env var: 'PIXAZO_SIM_LISTEN_RESPOND'): 100 is not in the range 200<=x<=599."),
    (["--respond", "500", "--forward-to", "http://127.0.0.1:1"], "--respond and --forward-to exclude each other: choose one"),
    (["--replay", "f"], "--replay requires --forward-to: add it"),
    (["--save", "a", "--replay", "b", "--forward-to", "http://127.0.0.1:1"], "--save and --replay exclude each other: choose one"),
    (["--control-token", "a", "--control-open"], "--control-token and --control-open exclude each other: choose one"),
    (["--host", " "], "--host ' ' is not an address: give one, such as 127.0.0.1, or 0.0.0.0 for all of this machine"),
    (["--save", "/dev/null"], "--save /dev/null is not a regular file: choose another path"),
    (["--save", "/no/such/folder/f"], "--save /no/such/folder/f cannot be written: No such file or directory"),
    (["--replay", "/no/such", "--forward-to", "http://127.0.0.1:1"], "/no/such cannot be read: No such file or directory"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "says"), MISTAKES)
def test_a_mistake_is_a_line(options: list[str], says: str) -> None:
    assert mistake("listen", *options) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{}\n[]", "FILE is not a file of webhooks, as --save writes it: line 2: []: give an object"),
        (b"\n", "FILE has no webhook: save some with --save"),
    ],
)
def test_a_file_that_cannot_be_replayed(tmp_path: Path, receiver: Receiver, text: bytes, says: str) -> None:
    file = tmp_path / "saved"
    file.write_bytes(text)
    said = mistake("listen", "--replay", str(file), "--forward-to", receiver.url)
    assert said == says.replace("FILE", str(file))
    assert receiver.received == []


def test_it_does_not_forward_to_itself(listen: Serve) -> None:
    """Each webhook would be forwarded forever. A password of the URL is not shown."""
    port = free_port()
    says = mistake("listen", "--port", str(port), "--forward-to", f"http://me:hunter2@localhost:{port}/hook")
    assert (
        says == f"--forward-to http://[hidden]@localhost:{port}/hook is this receiver itself: give the URL of your app"
    )


def test_every_option_can_be_given_in_the_environment(listen: Serve, tmp_path: Path, receiver: Receiver) -> None:
    """Those that go together; the help names a variable for each."""
    output = " ".join(pixazo_sim("listen", "--help").stdout.split())
    assert re.findall(r"PIXAZO_ ?SIM_ ?LISTEN_ ?([A-Z_]+)", output) == OPTIONS
    listening = Serving(
        command="listen",
        PIXAZO_SIM_LISTEN_HOST="localhost",
        PIXAZO_SIM_LISTEN_PORT="0",
        PIXAZO_SIM_LISTEN_FORWARD_TO=receiver.url,
        PIXAZO_SIM_LISTEN_SECRET=f"{SECRET} whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        PIXAZO_SIM_LISTEN_SAVE=str(tmp_path / "saved"),
        PIXAZO_SIM_LISTEN_JSON="1",
        PIXAZO_SIM_LISTEN_CONTROL_TOKEN="token-1",
        PIXAZO_SIM_LISTEN_CONTROL_HOST="listen other",
        PIXAZO_SIM_LISTEN_READY_FILE=str(tmp_path / "ready"),
        PIXAZO_SIM_PORT="1",
    )
    try:
        assert listening.line() == f"console {listening.url}/_sim/console\n"
        post(listening, {})
        assert json.loads(listening.line())["signature"]["verdict"] == "missing"
        sent = {"Host": "other", "X-Pixazo-Control-Token": "token-1"}
        codes = [over_http(listening.url)("GET", "/_sim/callbacks", each, b"").status for each in (sent, {})]
        assert codes == [200, 403]
        assert (tmp_path / "ready").read_text() == listening.ready_line
        assert (tmp_path / "saved").read_bytes().count(b"\n") == 1
    finally:
        assert listening.end() == 0
    assert re.fullmatch(r"ready http://localhost:\d+\n", listening.ready_line)


@pytest.mark.slow
def test_a_reader_that_does_not_read_delays_no_webhook() -> None:
    """Lines that were not printed are counted."""
    with started(COMMAND, "listen", "--port", "0", "--json") as process:
        assert process.stdout
        caller = Caller(over_http(process.stdout.readline().split()[1].decode()), "k")
        for _ in range(40):
            assert caller.call("POST", "/", b"a" * 60_000).status == 204
        output = b""
        # What is still being written when the reading begins may follow the line.
        while not re.search(rb"\n\d+ lines were dropped: standard output was not read fast enough\n", output):
            read = os.read(process.stdout.fileno(), 65536)
            assert read, output[-200:]
            output += read
