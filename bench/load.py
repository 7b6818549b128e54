"""What is sent, and wrk, which sends it from another core than that of the servers, and reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from .apps import SUBMIT_PATH

KEY, KEY_HEADER = "sim-key", "Ocp-Apim-Subscription-Key"
BODY = json.dumps({
    "prompt": "A grey cat on a wooden pier watches the small fish below, waits, leaps, and lands with one of them "
    "between its teeth, while the sun comes up behind the boats",
    "duration": 6, "resolution": "768P", "prompt_optimizer": True,
}).encode("ascii")  # fmt: skip
"""A valid submission of about 250 bytes."""
Kind = Literal["read", "submit", "mixed"]
CONNECTIONS = 32

_SCRIPT = """
local status, submit, body = %(status)s, %(submit)s, %(body)s
wrk.headers = {%(headers)s}
%(request)s
done = function(summary, latency)
  local shares, points = {1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9}, {}
  for _, share in ipairs(shares) do points[#points + 1] = string.format("[%%g, %%d]", share, latency:percentile(share)) end
  local e = summary.errors
  io.write(string.format('\\nbench {"requests": %%d, "microseconds": %%d, "failed": %%d, "latency": [%%s]}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout, table.concat(points, ", ")))
end
"""
_REQUESTS: dict[Kind, str] = {
    "read": "wrk.path = status",
    "submit": "wrk.method, wrk.path, wrk.body = 'POST', submit, body",
    "mixed": """
local get, post, n = wrk.format("GET", status), wrk.format("POST", submit, wrk.headers, body), 0
request = function() n = n + 1; if n % 10 == 0 then return post end return get end""",
}
_REPORT = re.compile(r"^bench (\{.*\})$", re.MULTILINE)
_REMEDY = "install it, on Debian and Ubuntu with `apt-get install wrk`"


class LoadError(Exception):
    """The load could not be made; the message names the remedy."""


class Target(msgspec.Struct, frozen=True):
    """A server, the path of a status there, and the key as which to read it and to submit."""

    url: str
    status: str
    key: str = KEY

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {KEY_HEADER: self.key, "Host": self.url.removeprefix("http://"), "Content-Type": "application/json"}


class Load(msgspec.Struct, frozen=True):
    """What one round has measured: requests, microseconds, failures, microseconds by percentile, CPU seconds of the server."""

    requests: int
    microseconds: int
    failed: int
    latency: tuple[tuple[float, float], ...]
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.microseconds * 1e6

    @property
    def cost(self) -> float:
        """Microseconds of the server's CPU for a request; where they are not known, of time, which is the same under full load."""
        return self.cpu / self.requests * 1e6 if self.cpu else 1e6 / self.rate

    def percentile(self, share: float) -> float:
        """The latency in microseconds that this percentage of the requests did not exceed."""
        return dict(self.latency)[share]


def parse(report: str) -> Load:
    """Read what wrk has printed. Raises LoadError when the line of our script is not there, or every request failed."""
    found = _REPORT.search(report)
    if not found:
        raise LoadError(f"wrk has reported no result but {report.strip()[-300:]!r}")
    load = msgspec.json.decode(found[1], type=Load)
    if load.failed > load.requests / 1000 or not load.requests:
        raise LoadError(f"{load.failed} of {load.requests} requests have failed")
    return load


def require_wrk() -> str:
    """The path of wrk. Raises LoadError with the remedy when it is missing."""
    if path := shutil.which("wrk"):
        return path
    raise LoadError(f"wrk, which makes the load, is not on the PATH: {_REMEDY}, or choose other scenarios with --only")


def script(kind: Kind, target: Target) -> str:
    """The Lua program that sends one kind of request; the strings of JSON are those of Lua, too."""
    headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in target.headers.items())
    values = {"status": target.status, "submit": SUBMIT_PATH, "body": BODY.decode("ascii")}
    return _SCRIPT % {
        "headers": headers, "request": _REQUESTS[kind], **{name: json.dumps(value) for name, value in values.items()}
    }  # fmt: skip


def run_load(kind: Kind, target: Target, seconds: float, folder: Path, connections: int = CONNECTIONS) -> Load:
    """Send one kind of request for some seconds, of which wrk knows whole ones only, and wait for its report."""
    place = folder / "load.lua"
    place.write_text(script(kind, target), encoding="ascii")
    command = [
        require_wrk(),
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "10s",
        "-s",
        str(place),
    ]
    with pinned(LOAD_CORE):
        ran = subprocess.run([*command, target.url], capture_output=True, text=True, timeout=seconds + 60, check=False)
    return parse(ran.stdout + ran.stderr)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


CORES = _cores()
LOAD_CORE, SERVER_CORE = (CORES[0], CORES[-1]) if len(CORES) > 1 else (None, None)
"""Processors for the load and for the servers; None where processes cannot be kept apart."""


@contextmanager
def pinned(core: int | None) -> Generator[None]:
    """Processes that are started in this block run on this core only."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
