"""Starts that cannot succeed end in one line, within a bound, instead of never."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
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


class EndingThread:
    """Takes the place of the function that makes the server's loop: it waits until it is released, then its thread ends by an exception."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.threads: list[threading.Thread] = []

    def __call__(self) -> None:
        self.threads.append(threading.current_thread())
        self.released.wait()
        raise SystemExit

    def join(self) -> None:
        """Wait for the end of the thread: pytest would report its exception in whichever test runs then."""
        self.released.set()
        (thread,) = self.threads
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[EndingThread]:
    """The thread of the server that the test starts."""
    ending = EndingThread()
    monkeypatch.setattr(threaded, "_new_loop", ending)
    yield ending
    ending.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_start_that_takes_too_long(monkeypatch: pytest.MonkeyPatch, ending: EndingThread) -> None:
    """The message names the bound, where the thread is, and the remedy."""
    monkeypatch.setattr(threaded, "START_TIMEOUT", 0.2)
    monkeypatch.setattr(threaded, "STOP_DEADLINE", 0.01)
    with pytest.raises(SimulatorError, match=r"did not start: after 0\.2 s its thread is in .*wait, .*; start it when"):
        Simulator().start()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("make", [Simulator, lambda: LoopbackServer(lambda _: HttpResponse())])
def test_a_start_whose_thread_ends(ending: EndingThread, make: Callable[[], Any]) -> None:
    """The start does not wait for its bound."""
    ending.released.set()
    with pytest.raises(SimulatorError, match="did not start: its thread has ended, see the log"):
        make().__enter__()
