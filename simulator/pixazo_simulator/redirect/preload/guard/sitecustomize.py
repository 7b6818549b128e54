"""Runs at the start of each Python process that a guarded test starts: refuses the vendor's hosts from its first use of the network."""

from __future__ import annotations

# This file imports only what Python has already imported at this point, and the program runs whatever fails here: it may have nothing
# to do with us. The Python may be older than the versions that this package supports.
import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pixazo_simulator.redirect.host_guard import HostGuard
    from pixazo_simulator.redirect.preload.guard.guard_events import LOOK_UPS, STARTS
else:
    from guard_events import LOOK_UPS, STARTS

_GUARD = os.environ.get("PIXAZO_GUARD", "")
_HOSTS = _GUARD.partition(" ")[0]
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not imported yet
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120 - no pathlib
_AF_UNIX = 1
# Seconds: a thread that waits here while another one imports may hold the import lock that it needs.
_LOCK_TIMEOUT = 10.0

_lock = RLock()
_has_begun = False
_guard: HostGuard | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: it cannot be removed, and every use of the network except uvloop's raises an event."""
    # At the end of the process the names of this module become None, this one first.
    if _GUARD and _guard is None and _matters(event, args) and _lock.acquire(timeout=_LOCK_TIMEOUT):
        try:
            guard = _begin()
        finally:
            _lock.release()
        if guard is not None:
            guard.audit(event, args)


def _matters(event: str, args: tuple[Any, ...]) -> bool:
    """Whether this is the first use of the network, or a program that gets a host as an argument, or whether uvloop has been imported."""
    if event == "socket.__new__":
        return bool(args[1] != _AF_UNIX)
    if event in STARTS:
        command = repr(args[STARTS[event]]).lower()
        return any(host in command for host in _HOSTS.split(","))
    return event in LOOK_UPS or hasattr(sys.modules.get("uvloop"), "Loop")


def _begin() -> HostGuard | None:
    global _guard, _has_begun  # noqa: PLW0603 - once in a process
    if not _has_begun:
        _has_begun = True  # first of all: the imports below raise audit events themselves
        try:
            from importlib import import_module

            _guard = import_module(_package() + ".host_guard").begin(_GUARD)
        except Exception as error:  # noqa: BLE001 - whatever it is, the program must run
            sys.stderr.write(f"pixazo: this Python cannot refuse the real gateway: {error!r}\n")
    return _guard


def _package() -> str:
    """The name of the package around this folder, under another name where the program has another version of it, or none."""
    from importlib.util import find_spec, module_from_spec, spec_from_file_location

    installed = find_spec("pixazo_simulator")
    ours = os.path.dirname(_PACKAGE) + "/__init__.py"  # noqa: PTH120 - no pathlib
    if installed and installed.origin and os.path.realpath(installed.origin) == os.path.realpath(ours):
        return "pixazo_simulator.redirect"
    spec = spec_from_file_location("_pixazo_redirect", _PACKAGE + "/__init__.py", submodule_search_locations=[_PACKAGE])
    if spec and spec.loader:
        module = sys.modules[spec.name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return "_pixazo_redirect"


def _bypass_proxies(hosts: str) -> None:
    """Add the hosts to NO_PROXY: a proxy would receive the request before the connection is refused."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if known != "*":
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, (known, hosts)))


def _run_hidden_sitecustomize() -> None:
    """Run the program's own sitecustomize, which this one hides, without this folder on sys.path."""
    mine = sys.modules.pop("sitecustomize", None)
    sys.modules.pop("guard_events", None)
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != _HERE]  # noqa: PTH100 - no pathlib
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if mine:
            sys.modules["sitecustomize"] = mine


# Under `pixazo-sim exec` the hosts are redirected, and no other host is reached.
if _GUARD and "PIXAZO_REDIRECT_PORT" not in os.environ and sys.version_info >= (3, 11):
    _bypass_proxies(_HOSTS)
    sys.addaudithook(_watch)
_run_hidden_sitecustomize()
