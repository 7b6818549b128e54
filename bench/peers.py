"""The peers: which can be had here, what they are told to answer, and how they are started."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from .apps import PEER_STATUS, SUBMIT_PATH
from .servers import program, uvicorn

Command = Callable[[int], Sequence[str]]
"""The command that serves on a port."""
_JSON = "application/json"


class _Stub(msgspec.Struct, frozen=True):
    method: str
    path: str
    status: int
    body: str


def _wiremock(stubs: Sequence[_Stub]) -> object:
    return {
        "mappings": [
            {"request": {"method": each.method, "url": each.path},
             "response": {"status": each.status, "body": each.body, "headers": {"Content-Type": _JSON}}}
            for each in stubs
        ]
    }  # fmt: skip


def _mockserver(stubs: Sequence[_Stub]) -> object:
    return [
        {"httpRequest": {"method": each.method, "path": each.path},
         "httpResponse": {"statusCode": each.status, "body": each.body, "headers": {"Content-Type": [_JSON]}}}
        for each in stubs
    ]  # fmt: skip


def _prism(stubs: Sequence[_Stub]) -> object:
    def operation(stub: _Stub) -> dict[str, object]:
        shape = {"schema": {"type": "object"}}
        response = {"description": "", "content": {_JSON: shape | {"example": json.loads(stub.body)}}}
        given: dict[str, object] = {"requestBody": {"content": {_JSON: shape}}} if stub.method == "POST" else {}
        return {"responses": {str(stub.status): response}} | given

    paths = {each.path: {each.method.lower(): operation(each)} for each in stubs}
    return {"openapi": "3.1.0", "info": {"title": "peer", "version": "1"}, "paths": paths}


def _mockoon(stubs: Sequence[_Stub]) -> object:
    def route(stub: _Stub) -> dict[str, object]:
        response: dict[str, object] = {"uuid": f"answer to {stub.method}", "default": True, "body": stub.body}
        response |= {"statusCode": stub.status, "headers": [{"key": "Content-Type", "value": _JSON}]}
        place = {"method": stub.method.lower(), "endpoint": stub.path.lstrip("/"), "type": "http"}
        return {"uuid": stub.method, "responses": [response], "responseMode": None, **place}

    children = [{"type": "route", "uuid": each.method} for each in stubs]
    routes = [route(each) for each in stubs]
    return {"uuid": "peer", "lastMigration": 33, "name": "peer", "routes": routes, "rootChildren": children}


class _Foreign(msgspec.Struct, frozen=True):
    """A peer that Java or Node.js runs; `program` is its place in the folder of the peers, `package` that of npm which ships it.

    Of its arguments `{program}`, `{stubs}`, `{folder}` (of the stubs) and `{port}` are filled in.
    """

    tool: str
    package: str | None
    program: str
    arguments: str
    stubs: Callable[[Sequence[_Stub]], object]


_FOREIGN = {
    "WireMock": _Foreign("java", "wiremock", "node_modules/wiremock/build/*.jar", "-jar {program} --port {port} --root-dir {folder}", _wiremock),
    "MockServer": _Foreign("java", None, "mockserver-netty*.jar", "-Dmockserver.initializationJsonPath={stubs} -jar {program} -serverPort {port}", _mockserver),
    "Prism": _Foreign("node", "@stoplight/prism-cli", "node_modules/.bin/prism", "{program} mock --port {port} {stubs}", _prism),
    "Mockoon": _Foreign("node", "@mockoon/cli", "node_modules/.bin/mockoon-cli", "{program} start --data {stubs} --port {port}", _mockoon),
}  # fmt: skip


def peers(answers: Path, folder: Path | None) -> tuple[dict[str, Command], dict[str, str]]:
    """The commands of the peers by name, and why the others cannot be had. `folder` has those of npm; None leaves these out."""
    had: dict[str, Command] = {"raw protocol": program("protocol"), "Starlette": uvicorn("starlette")}
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
        return had, missing | dict.fromkeys(_FOREIGN, "not asked for: --peers all")
    problem = _install(folder)
    for name, each in _FOREIGN.items():
        tool, found = shutil.which(each.tool), sorted(folder.glob(each.program))
        if tool is None:
            missing[name] = f"{each.tool} is not on the PATH"
        elif not found:
            missing[name] = (
                each.package and problem
            ) or f"no {each.program} in the folder of the peers: put it into {folder}"
        else:
            had[name] = _told(tool, found[0], each, answers, name)
    return had, missing


def _told(tool: str, program: Path, peer: _Foreign, answers: Path, name: str) -> Command:
    """Write the stubs of a peer; returns its command."""
    status, submit = ((answers / each).read_text(encoding="ascii") for each in ("read", "submit"))
    place = answers / name / "mappings" / "stubs.json"  # where WireMock looks for it
    place.parent.mkdir(parents=True, exist_ok=True)
    stubs = [_Stub("GET", PEER_STATUS, 200, status), _Stub("POST", SUBMIT_PATH, 202, submit)]
    place.write_text(json.dumps(peer.stubs(stubs)), encoding="ascii")
    given: dict[str, Any] = {"program": program, "stubs": place, "folder": place.parent.parent}
    return lambda port: [tool, *(each.format(**given, port=port) for each in peer.arguments.split())]


def _install(folder: Path) -> str | None:
    """Install what npm ships into a folder outside the tree, unless it is there; returns why that failed."""
    packages = [each.package for each in _FOREIGN.values() if each.package]
    if all((folder / "node_modules" / package).exists() for package in packages):
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on the PATH: install Node.js"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}', encoding="ascii")
    command = [npm, "install", "--no-audit", "--no-fund", *packages]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else f"npm install has failed: {' '.join(ran.stderr.split())[-300:]}"
