"""Tells callers apart: the app gets virtual time; test runners, servers and HTTP libraries keep real time."""

from __future__ import annotations

import sys
from functools import cache
from types import FrameType

OUR_THREADS = ("pixazo-sim:", "pixazo-sleep")
"""Prefixes of the names of our own threads: servers, and the thread that moves the clock for event loops."""

RUNNERS = frozenset(
    {
        "_pydevd_bundle", "_pytest", "coverage", "debugpy", "execnet", "hypothesis", "pluggy", "pydevd", "pytest", "pytest_asyncio",
        "pytest_benchmark", "pytest_rerunfailures", "pytest_timeout", "pytest_trio", "xdist",
    }
)  # fmt: skip
"""Top-level modules that run or observe the tests: their threads are not the app's."""

TOOLS = RUNNERS | {
    "pixazo_contracts", "pixazo_simulator", "pytest_pixazo",
    "filelock", "freezegun", "multiprocessing", "subprocess",
    "granian", "gunicorn", "hypercorn", "uvicorn", "waitress", "werkzeug",
    "aiohttp", "h11", "h2", "httpcore", "httpcore2", "httpx", "httpx2", "websockets",
}  # fmt: skip
"""Top-level modules whose sleeps and clocks are real: the runners, and what freezes time, waits for other
processes, serves, or speaks HTTP.
"""

PLUMBING = frozenset({"anyio", "outcome", "requests", "sniffio", "trio", "urllib3", "uvloop"}) | (
    sys.stdlib_module_names - {"sched"}
)
"""Modules that sleep on behalf of the app (the back-off of urllib3), but time their own waits by the real clock.

`sched` does not: it compares what it slept with a clock that the app has given it.
"""

WRAPPERS = frozenset({"anyio", "async_timeout", "asyncio", "contextlib", "functools", "trio"})
"""Modules that set a deadline on behalf of their caller."""

LOOP = frozenset({"_run", "_run_once", "run", "run_forever", "run_until_complete", "unrolled_run"})
"""Functions of the wrappers that call callbacks, so the caller on the stack is not the one that scheduled them."""


def caller(levels: int = 1) -> FrameType:
    """The frame that called the caller of this function, or one `levels` up."""
    return sys._getframe(levels + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # documented for this use


def top_level(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def reads(frame: FrameType) -> bool:
    return is_of_app(str(frame.f_globals.get("__name__", "")))


@cache
def is_of_app(module: str) -> bool:
    """Cached: one request of an HTTP library reads clocks five times."""
    top_level = module.partition(".")[0]
    return top_level not in TOOLS and top_level not in PLUMBING


def sets_deadline(frame: FrameType | None) -> bool:
    """Whether a deadline that this frame sets is the app's, directly or through `asyncio.timeout`, `anyio.fail_after` ..."""
    within = ""
    while frame and top_level(frame) in WRAPPERS:
        if frame.f_code.co_name in LOOP:
            return within == "wait_for"  # a task of its own, as in asyncio.run(asyncio.wait_for(main(), 600))
        within, frame = frame.f_code.co_name, frame.f_back
    return frame is not None and reads(frame)
