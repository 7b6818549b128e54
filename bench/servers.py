"""The simulator and its peers: how each is started, and what of them can be had here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from pixazo_simulator import ControlClient

from .apps import STATUS_PATH, SUBMIT_PATH
from .load import SERVER_CORE, Target, pinned

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
PEER_STATUS = f"{STATUS_PATH}minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
KEY = "sim-key"
KEY_HEADER = "Ocp-Apim-Subscription-Key"
BODY = json.dumps({
    "prompt": "A grey cat on a wooden pier watches the small fish below, waits, leaps, and lands with one of them "
    "between its teeth, while the sun comes up behind the boats",
    "duration": 6, "resolution": "768P", "prompt_optimizer": True,
}).encode("ascii")  # fmt: skip
"""A valid submission of about 250 bytes."""
RICH = ("--balance", "100000000")
"""Options of a simulator whose wallet outlasts a load of submissions."""
START_TIMEOUT = 90.0
"""Seconds in which a server must answer; Java's need a while on a busy machine."""
NPM = {"WireMock": "wiremock", "Prism": "@stoplight/prism-cli", "Mockoon": "@mockoon/cli"}
"""The packages of npm that ship the peers."""


class ServerError(Exception):
    """A server does not start; the message has the end of its log."""


def free_port() -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A process that serves on a port of loopback; it has a session of its own, so that its children end with it."""

    def __init__(self, name: str, command: Sequence[str], port: int, env: Mapping[str, str], core: int | None) -> None:
        self.name, self.port, self.url = name, port, f"http://127.0.0.1:{port}"
        self.target = target(port, PEER_STATUS)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self.began = time.perf_counter()
        with pinned(core):
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | dict(env), stdin=subprocess.DEVNULL, stdout=self._log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def await_answer(self) -> float:
        """Wait for the first answer to a submission; returns the seconds since the start. Raises ServerError when none comes."""
        while time.perf_counter() < self.began + START_TIMEOUT and self.process.poll() is None:
            with suppress(OSError, HTTPException):
                if exchange(self.target, "POST")[0] == 202:
                    return time.perf_counter() - self.began
            time.sleep(0.001)
        self._log.seek(0)
        said = " ".join(self._log.read()[-600:].decode(errors="replace").split())
        code = self.process.poll()
        what = f"has ended with code {code}" if code is not None else f"has not answered within {START_TIMEOUT:g} s"
        raise ServerError(f"{self.name} on port {self.port} {what}: {said or 'it has logged nothing'}")

    def resident(self) -> int:
        """Bytes of memory that the process has in use; only Linux tells."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def end(self) -> None:
        """Kill it with its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()


@contextmanager
def serving(
    name: str, command: Callable[[int], Sequence[str]], *, wait: bool = True, core: int | None = SERVER_CORE, **env: str
) -> Generator[Server]:
    """A server on a free port; with `wait` it has answered when the block begins."""
    port = free_port()
    server = Server(name, command(port), port, env, core)
    try:
        if wait:
            server.await_answer()
        yield server
    finally:
        server.end()


def target(port: int, status: str, key: str = KEY) -> Target:
    """How to call a server on this port."""
    return Target(f"http://127.0.0.1:{port}", status, SUBMIT_PATH, {KEY_HEADER: key, "Host": f"127.0.0.1:{port}"}, BODY)


def exchange(called: Target, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """One request on a connection of its own: a submission for POST, else a status read."""
    connection = HTTPConnection(called.url.removeprefix("http://"), timeout=30)
    try:
        sent = {**called.headers, "Content-Type": "application/json", **headers}
        if method == "POST":
            connection.request(method, called.submit, called.body, sent)
        else:
            connection.request(method, called.status, None, sent)
        answered = connection.getresponse()
        return answered.status, answered.read()
    finally:
        connection.close()


def submitted(called: Target, **headers: str) -> tuple[Target, bytes]:
    """Submit once; returns a target that reads this generation, and the body of the answer."""
    status, body = exchange(called, "POST", **headers)
    if status != 202:
        raise ServerError(f"{called.url} has answered a submission {status}: {body[:300]!r}")
    place = STATUS_PATH + json.loads(body)["request_id"]
    return Target(called.url, place, called.submit, called.headers, called.body), body


def pixazo_sim(*options: str) -> Callable[[int], list[str]]:
    """The command of a user."""
    return lambda port: [str(SCRIPTS / "pixazo-sim"), "serve", "--port", str(port), *options]


def with_collector(port: int) -> list[str]:
    """The same, but it measures a collection when asked; see `apps.simulator`."""
    return [sys.executable, "-m", "bench.apps", "simulator", str(port)]


def uvicorn(app: str) -> Callable[[int], list[str]]:
    """An application under uvicorn as it comes, without its access log."""
    options = ("--factory", f"bench.apps:{app}", "--no-access-log", "--log-level", "warning")
    return lambda port: [str(SCRIPTS / "uvicorn"), *options, "--port", str(port)]


def program(name: str) -> Callable[[int], list[str]]:
    """A program of `apps`."""
    return lambda port: [sys.executable, "-m", "bench.apps", name, str(port)]


def arm(server: Server, count: int, when: Sequence[str], key: str | None = None) -> Target:
    """A target in whose world this many rules are asked and match no call of ours; with a key it is a world of its own."""
    control = ControlClient(server.url, KEY)
    rules = [_unmatched(number, when[number % len(when)]) for number in range(count)]
    if key:
        control.create_world(key=key, balance="100000000", script=rules)
        return submitted(target(server.port, "", key))[0]
    for rule in rules:
        control.add_rule(rule)
    return server.target


def _unmatched(number: int, when: str) -> dict[str, object]:
    wanted = (
        {"headers": {"x-run": f"run {number}"}} if when == "status" else {"prompt": {"contains": f"walrus {number}"}}
    )
    return {"when": when, "match": wanted, "reply": {"status": 503}}


def fetched(folder: Path) -> str | None:
    """Install the peers of npm into a folder outside the tree, unless they are there; returns why that failed."""
    if all((folder / "node_modules" / package).exists() for package in NPM.values()):
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on the PATH: install Node.js"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}', encoding="ascii")
    command = [npm, "install", "--no-audit", "--no-fund", *NPM.values()]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else f"npm install has failed: {' '.join(ran.stderr.split())[-300:]}"


def peers(answers: Path, folder: Path | None) -> tuple[dict[str, Callable[[int], Sequence[str]]], dict[str, str]]:
    """The commands of the peers by name, and why the others cannot be had. `folder` has those of npm; None leaves these out."""
    had: dict[str, Callable[[int], Sequence[str]]] = {
        "raw protocol": program("protocol"),
        "Starlette": uvicorn("starlette"),
    }
    missing: dict[str, str] = {}
    for name, module, command in (
        ("FastAPI", "fastapi", uvicorn("fastapi")),
        ("pytest-httpserver", "pytest_httpserver", program("httpserver")),
    ):
        if find_spec(module):
            had[name] = command
        else:
            missing[name] = f"{module} is not installed: pip install {module.replace('_', '-')}"
    if folder is None:
        missing |= dict.fromkeys((*NPM, "MockServer"), "not asked for: --peers all")
        return had, missing
    problem = fetched(folder)
    java, node = shutil.which("java"), shutil.which("node")
    modules = folder / "node_modules"
    read, submit = ((answers / name).read_text(encoding="ascii") for name in ("read", "submit"))
    for name, tool, jars, write in (
        ("WireMock", java, "wiremock/build/*.jar", _wiremock),
        ("MockServer", java, "mockserver-netty*.jar", _mockserver),
        ("Prism", node, ".bin/prism", _prism),
        ("Mockoon", node, ".bin/mockoon-cli", _mockoon),
    ):
        place = next(iter(sorted((folder if name == "MockServer" else modules).glob(jars))), None)
        if tool is None:
            missing[name] = f"{'java' if jars.endswith('jar') else 'node'} is not on the PATH"
        elif place is None:
            missing[name] = problem or f"there is no {jars} in {folder}: put it there"
        else:
            had[name] = write(tool, place, answers, read, submit)
    return had, missing


def _wiremock(java: str, jar: Path, answers: Path, read: str, submit: str) -> Callable[[int], list[str]]:
    mappings = answers / "wiremock" / "mappings"
    mappings.mkdir(parents=True)
    for method, path, status, body in (("GET", PEER_STATUS, 200, read), ("POST", SUBMIT_PATH, 202, submit)):
        response = {"status": status, "body": body, "headers": {"Content-Type": "application/json"}}
        stub = {"request": {"method": method, "url": path}, "response": response}
        (mappings / f"{method}.json").write_text(json.dumps(stub), encoding="ascii")
    return lambda port: [java, "-jar", str(jar), "--port", str(port), "--root-dir", str(mappings.parent)]


def _mockserver(java: str, jar: Path, answers: Path, read: str, submit: str) -> Callable[[int], list[str]]:
    def expected(method: str, path: str, status: int, body: str) -> dict[str, object]:
        response = {"statusCode": status, "body": body, "headers": {"Content-Type": ["application/json"]}}
        return {"httpRequest": {"method": method, "path": path}, "httpResponse": response}

    stubs = [expected("GET", PEER_STATUS, 200, read), expected("POST", SUBMIT_PATH, 202, submit)]
    place = answers / "mockserver.json"
    place.write_text(json.dumps(stubs), encoding="ascii")
    option = f"-Dmockserver.initializationJsonPath={place}"
    return lambda port: [java, option, "-jar", str(jar), "-serverPort", str(port)]


def _prism(node: str, script: Path, answers: Path, read: str, submit: str) -> Callable[[int], list[str]]:
    def operation(status: str, body: str) -> dict[str, object]:
        content = {"application/json": {"schema": {"type": "object"}, "example": json.loads(body)}}
        return {"responses": {status: {"description": "as the simulator's", "content": content}}}

    given = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
    paths = {PEER_STATUS: {"get": operation("200", read)}, SUBMIT_PATH: {"post": operation("202", submit) | given}}
    place = answers / "prism.json"
    place.write_text(
        json.dumps({"openapi": "3.1.0", "info": {"title": "peer", "version": "1"}, "paths": paths}), encoding="ascii"
    )
    return lambda port: [node, str(script), "mock", "--port", str(port), str(place)]


def _mockoon(node: str, script: Path, answers: Path, read: str, submit: str) -> Callable[[int], list[str]]:
    def route(method: str, path: str, status: int, body: str) -> dict[str, object]:
        headers = [{"key": "Content-Type", "value": "application/json"}]
        response = {"uuid": f"{method} answer", "body": body, "statusCode": status, "headers": headers, "default": True}
        endpoint = {"method": method, "endpoint": path.lstrip("/"), "type": "http"}
        return {"uuid": method, "responses": [response], "responseMode": None, **endpoint}

    routes = [route("get", PEER_STATUS, 200, read), route("post", SUBMIT_PATH, 202, submit)]
    listed = [{"type": "route", "uuid": each["uuid"]} for each in routes]
    place = answers / "mockoon.json"
    place.write_text(
        json.dumps({"uuid": "peer", "lastMigration": 33, "name": "peer", "routes": routes, "rootChildren": listed}),
        encoding="ascii",
    )
    return lambda port: [node, str(script), "start", "--data", str(place), "--port", str(port)]
