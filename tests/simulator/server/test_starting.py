"""Starts that cannot succeed end in one line, within a bound, instead of never."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.command import python
from tests.patience import PATIENCE

from pixazo_simulator.server import HttpResponse, LoopbackServer, Simulator, SimulatorError, threaded

PATCHED = """
import sys
{patch}
import pixazo_simulator.server, pytest_pixazo.webhooks.inbox
from pixazo_simulator.control import ControlError
from pixazo_simulator.server import HttpResponse, LoopbackServer, Simulator, SimulatorError
from pytest_pixazo.webhooks import Inbox

for start in (lambda: Simulator().start().control().health().status, lambda: LoopbackServer(lambda _: HttpResponse()), Inbox):
    try:
        print(start())
    except SimulatorError as error:
        print(error)
"""
REMEDY = (
    "has monkey-patched threading, but the server needs a real thread: run it in a process of its own "
    "(`pixazo-sim serve`, in pytest with --pixazo-sim-url; or your app under `pixazo-sim exec`), or patch with thread=False"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "patch"),
    [("gevent", "from gevent import monkey; monkey.patch_all()"), ("eventlet", "import eventlet; eventlet.monkey_patch()")],
)  # fmt: skip
def test_a_process_whose_threads_were_replaced(library: str, patch: str) -> None:
    """Whatever needs a thread says so, and names the remedies: the event loop would block all greenlets for ever."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert (
        python(PATCHED.format(patch=f"sys.warnoptions[:] = ['ignore']\n{patch}")).splitlines()
        == [f"{library} {REMEDY}"] * 3
    )


@pytest.mark.slow
def test_a_process_that_keeps_its_threads() -> None:
    """The remedy in the message works."""
    pytest.importorskip("gevent")
    output = python(PATCHED.format(patch="from gevent import monkey; monkey.patch_all(thread=False)"))
    assert output.splitlines()[0] == "ok"
    assert "thread=False" not in output


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_start_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the bound, where the thread is, and the remedy."""
    released, ended = threading.Event(), threading.Event()

    def wait() -> None:
        released.wait()
        ended.set()
        raise SystemExit

    for name, value in {"START_TIMEOUT": 0.01, "STOP_DEADLINE": 0.01, "_new_loop": wait}.items():
        monkeypatch.setattr(threaded, name, value)
    try:
        with pytest.raises(
            SimulatorError, match=r"did not start: after 0\.01 s its thread is in .*wait, .*; start it when"
        ):
            Simulator().start()
    finally:
        released.set()
        assert ended.wait(PATIENCE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("make", [Simulator, lambda: LoopbackServer(lambda _: HttpResponse())])
def test_a_start_whose_thread_ends(monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> None:
    def end() -> None:
        raise SystemExit

    monkeypatch.setattr(threaded, "_new_loop", end)
    with pytest.raises(SimulatorError, match="did not start: its thread has ended, see the log"):
        make().__enter__()
