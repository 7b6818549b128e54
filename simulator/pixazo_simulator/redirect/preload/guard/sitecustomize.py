"""Runs in each Python process that a guarded test starts: from its first use of the network on, the vendor's hosts are refused."""  # noqa: INP001 - found by its folder

from __future__ import annotations

# Nothing else is imported here that Python has not imported already, and whatever goes wrong, the program runs: it may have nothing to
# do with us. It may also be older than what this package needs.
import os
import sys
from _thread import RLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pixazo_simulator.redirect.guard import Guard

_TOLD = os.environ.get("PIXAZO_GUARD", "")
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as above
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120 - as above
_AF_UNIX = 1
_HOSTS = _TOLD.partition(" ")[0]
_LOOK_UPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_STARTS = {"subprocess.Popen": 1, "os.system": 0, "os.posix_spawn": 1, "os.exec": 1, "os.spawn": 2}
_PATIENCE = 10.0  # seconds: a thread that waits while another one imports may hold what that needs

_lock = RLock()
_is_begun = False
_guard: Guard | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: neither can it be taken away, nor does any use of the network escape it but uvloop's."""
    # The first name of this module that is gone at the end of the process is this one.
    if _TOLD and _guard is None and _matters(event, args) and _lock.acquire(timeout=_PATIENCE):
        try:
            _begin()
        finally:
            _lock.release()
        _pass_on(event, args)


def _pass_on(event: str, args: tuple[Any, ...]) -> None:
    if _guard is not None:
        _guard.audit(event, args)


def _matters(event: str, args: tuple[Any, ...]) -> bool:
    """Whether this is the first use of the network, or a program that is given a host, or uvloop is there."""
    if event == "socket.__new__":
        return bool(args[1] != _AF_UNIX)
    if event in _STARTS:
        command = repr(args[_STARTS[event]]).lower()
        return any(host in command for host in _HOSTS.split(","))
    return event in _LOOK_UPS or hasattr(sys.modules.get("uvloop"), "Loop")


def _begin() -> None:
    global _guard, _is_begun  # noqa: PLW0603 - once in a process
    if _is_begun:
        return
    _is_begun = True
    try:
        from importlib import import_module

        _guard = import_module(_package() + ".guard").begin(_TOLD)
    except Exception as error:  # noqa: BLE001 - whatever it is, the program has to run
        sys.stderr.write(f"pixazo: this Python cannot refuse the real gateway: {error!r}\n")


def _package() -> str:
    """The name of the package above: another one where the program has another version of it installed, or none."""
    from importlib.util import find_spec, module_from_spec, spec_from_file_location

    installed = find_spec("pixazo_simulator")
    whole = os.path.dirname(_PACKAGE) + "/__init__.py"  # noqa: PTH120 - as above
    if installed and installed.origin and os.path.realpath(installed.origin) == os.path.realpath(whole):
        return "pixazo_simulator.redirect"
    spec = spec_from_file_location("_pixazo_redirect", _PACKAGE + "/__init__.py", submodule_search_locations=[_PACKAGE])
    if spec and spec.loader:
        module = sys.modules[spec.name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return "_pixazo_redirect"


def _pass_by_proxies(hosts: str) -> None:
    """A proxy would be told of the host before the connection is refused."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if known != "*":
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, (known, hosts)))


def _run_the_one_this_hides() -> None:
    mine = sys.modules.pop("sitecustomize", None)
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != _HERE]  # noqa: PTH100 - as above
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        if mine:
            sys.modules["sitecustomize"] = mine


# `pixazo-sim exec` leads the hosts to its door, and nothing else leaves the machine.
if _TOLD and "PIXAZO_DOOR_PORT" not in os.environ and sys.version_info >= (3, 11):
    _pass_by_proxies(_HOSTS)
    sys.addaudithook(_watch)
_run_the_one_this_hides()
