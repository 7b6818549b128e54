"""Refuses the vendor's hosts in this process, and in the Python and Node processes that it starts, while a ban is in force."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple, cast
from weakref import WeakKeyDictionary, WeakSet

from .context import REDIRECT_PORT
from .patches import Patches
from .preload.guard.guard_events import CONNECTIONS, LOOK_UPS, STARTS
from .proxy import Address, normalized
from .routing import Redirection, environment_proxies

GUARD_VARIABLE = "PIXAZO_GUARD"
"""What a child process must refuse: hosts separated by commas, a space, and JSON with `file` and `test` of the ban and `why`."""
REMEDY = (
    "it is the real gateway, which costs money, so this was refused: use pixazo_env before the app is imported, so that it"
    " takes PIXAZO_BASE_URL from the environment, or use pixazo_redirect; if the real one is meant, say"
    " @pytest.mark.pixazo(real_gateway=True) or --pixazo-real-gateway"
)
PROCESS_REMEDY = (
    "refused, since the real gateway costs money: give the process PIXAZO_BASE_URL, start it with pixazo-sim exec,"
    " or mark the test pixazo(real_gateway=True)"
)

_PRELOAD = str(Path(__file__).with_name("preload") / "guard")
_REQUIRE = f"--require {json.dumps(str(Path(_PRELOAD, 'refuse_hosts.cjs')))}"
_ADDED = (("PYTHONPATH", _PRELOAD, os.pathsep), ("NODE_OPTIONS", _REQUIRE, " "))
"""Variables of child processes, what is added to each, and the separator."""
_POOLS = frozenset({"concurrent.futures.thread", "anyio._backends._asyncio", "trio._core._thread_cache"})
_WAITING = _POOLS | {"threading", "queue"}
"""Modules whose code the threads of pools run, and those in which they wait for work."""
_HARMLESS = re.compile(
    r"(?:python|pypy)[\d.]*t?|node(?:js)?|pytest|py\.test|pixazo-sim|pixazo-contracts|echo|git|grep|printf",
    re.IGNORECASE,
)
"""Programs that refuse the hosts by themselves, use a simulator, or send no request that the gateway charges for."""
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_OPTION_C = re.compile(r"-[a-z]*c")
_NESTED = re.compile(r"[`\n]|\$['(]")
_REDIRECTIONS = frozenset({">", ">>", "<", ">&"})
_ASSIGNMENT = re.compile(r"\w+=")


class Ban(NamedTuple):
    """The hosts are refused in `test`, after it, in a thread that it left running, or in a process that it started.

    `file` receives a line of JSON for each refusal, with `test`, `when`, and `line`, which is for people.
    """

    test: str
    file: str
    when: Literal["in", "after", "left", "child"] = "in"
    thread: str = ""

    @property
    def where(self) -> str:
        return {
            "in": f"in {self.test}",
            "after": f"after {self.test}",
            "left": f"in thread {self.thread!r}, which {self.test} had left running",
            "child": f"in a process that {self.test} started",
        }[self.when]

    @property
    def why(self) -> str:
        """The rest of the sentence that begins with the host."""
        return f" was called {self.where}: {PROCESS_REMEDY if self.when == 'child' else REMEDY}"


class HostGuard(Redirection):
    """Refuses `hosts` while a ban is in force, except where an active redirection covers them.

    A process has one guard, permanently: its patches and its audit hook cannot be removed safely; without a ban they do nothing.
    The hook sees look-ups under whatever name the function was imported, and programs that get one of the hosts as an argument.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        super().__init__(hosts, ("", 0))
        self.ban: Ban | None = None
        self._latest: Ban | None = None
        self._is_open = False
        # An attribute: audit events still occur at the end of the process, when the names of this module are gone.
        self._events = LOOK_UPS | CONNECTIONS | STARTS
        self._others: WeakSet[threading.Thread] = WeakSet()
        self._threads: WeakKeyDictionary[threading.Thread, Ban] = WeakKeyDictionary()
        self._given = re.compile(
            rf"(?<![\w.-])({'|'.join(map(re.escape, sorted(self.hosts)))})(?!\.?[\w-])", re.ASCII | re.IGNORECASE
        )
        self._patches = Patches(self)
        sys.addaudithook(self.audit)

    def hold(self, ban: Ban) -> None:
        """Refuse the hosts from now on."""
        self.ban = self._latest = ban
        self._is_open = False
        self._others = WeakSet(threading.enumerate())
        # Forget proxies that only an earlier test named: other programs may use their ports by now.
        self._proxies = set(environment_proxies())
        if not self._proxies.issuperset(self._relays):
            self.close()
        self._patches.install()

    def lift(self, before: Ban | None = None, *, wholly: bool = False) -> None:
        """Return to an earlier ban, or to none; threads that earlier tests left running are still refused, unless `wholly`."""
        self.ban = before
        self._is_open = wholly and before is None

    def remember_threads(self) -> None:
        """Remember the threads that were started under the ban and are still running: their later calls are attributed to its test."""
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # documented, in spite of its name
        for thread in set(threading.enumerate()) - set(self._others):
            if self.ban and not _is_idle(frames.get(thread.ident or 0)):
                self._threads[thread] = self.ban._replace(when="left", thread=thread.name)

    def variables(self, ban: Ban) -> dict[str, str]:
        """The variables by which Python and Node child processes refuse the hosts, too."""
        why = ban._replace(when="child").why
        return {
            GUARD_VARIABLE: f"{','.join(sorted(self.hosts))} {json.dumps({'file': ban.file, 'test': ban.test, 'why': why})}",
            **{name: _with(os.environ.get(name), added, between) for name, added, between in _ADDED},
        }

    def covers(self, host: object) -> bool:
        """Whether this is one of the hosts, and refused in this thread."""
        return (
            super().covers(host)
            and self._ban_here() is not None
            and not any(each.covers(host) for each in Patches.active)
        )

    def admit(self, host: str, peer: tuple[Any, ...] | None) -> None:  # noqa: ARG002 - every peer is refused
        raise self.refusal(host)

    def outdated(self, host: str) -> ConnectionError:
        return self.refusal(normalized(host))

    def refusal(self, violation: str) -> ConnectionRefusedError:
        """The error to raise for a host; it is written to the file of the ban, in any process."""
        ban = self._ban_here() or self._latest
        return _refusal(ban, f"{violation}{ban.why if ban else ''}")

    def is_redirected(self, peer: tuple[Any, ...] | None) -> bool:  # noqa: ARG002 - a guard has no TLS listener
        return False

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """The audit hook (PEP 578). Raises ConnectionRefusedError for what is refused."""
        place = self._events.get(event)
        if place is None:
            return
        if not event.startswith("socket."):
            self._check_program(args[place], args[-1])
            return
        address = args[place]
        host = cast("tuple[object, ...]", address)[0] if isinstance(address, tuple) else address
        if self.covers(host):
            raise self.refusal(normalized(host))

    def _gateway(self, name: str, port: int) -> Address:  # noqa: ARG002 - every port is refused
        raise self.refusal(name)

    def _known_proxies(self) -> set[Address]:
        """Without a ban only the proxies that have a relay: clients may have kept the relay's address."""
        return set(self._relays) if self.ban is None else super()._known_proxies()

    def _ban_here(self) -> Ban | None:
        return None if self._is_open else self._threads.get(threading.current_thread(), self.ban)

    def _check_program(self, command: object, environment: object) -> None:
        """Refuse to start a program with one of the hosts among its arguments, also under a redirection, which programs escape."""
        ban = self._ban_here()
        if ban is None or (isinstance(environment, Mapping) and REDIRECT_PORT in environment):
            return
        parts = cast("Sequence[object]", command) if isinstance(command, list | tuple) else (command,)
        words = [os.fsdecode(cast("str", each)) for each in parts if isinstance(each, str | bytes | os.PathLike)]
        given = next(filter(None, map(self._given.search, words)), None)
        if given and not _HARMLESS.fullmatch(program := _program(words, isinstance(command, list | tuple))):
            name = program if re.fullmatch(r"[\w.+-]+", program) else "a command"  # any other string may contain a key
            raise _refusal(ban, f"{given[1].lower()} was given to {name} {ban.where}: {PROCESS_REMEDY}")


def _program(words: Sequence[str], is_list: bool) -> str:  # noqa: FBT001 - private
    """The name of the only program that a command starts, empty for shell text that may start several."""
    name, text = os.path.basename(words[0]), words[-1]  # noqa: PTH119 - words are not paths
    if is_list and not (name in _SHELLS and len(words) == 3 and _OPTION_C.fullmatch(words[1])):
        return name
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        found = [] if _NESTED.search(text) else list(lexer)
    except ValueError:  # an unclosed quotation
        return ""
    if any(set(word) <= set("();<>|&") and word not in _REDIRECTIONS for word in found):
        return ""
    return os.path.basename(next((word for word in found if not _ASSIGNMENT.match(word)), ""))  # noqa: PTH119 - words are not paths


def _is_idle(frame: FrameType | None) -> bool:
    """Whether a pool's thread waits for work, which may come from another test."""
    names: set[object] = set()
    while frame:
        names.add(frame.f_globals.get("__name__"))
        frame = frame.f_back
    return names <= _WAITING and not names.isdisjoint(_POOLS)


def _with(known: str | None, added: str, between: str) -> str:
    """A variable with one more word, which it may have already, in a process that a guarded one started."""
    return known if known and added in known else between.join(filter(None, (added, known)))


def remove_variables(file: str, before: str | None) -> None:
    """Remove from the environment what bans that write to `file` have added, even where other code has restored it.

    `before` is the earlier value of GUARD_VARIABLE: a child of a guarded process had the other variables already.
    """
    if json.dumps(file) in os.environ.get(GUARD_VARIABLE, ""):
        _put(GUARD_VARIABLE, before)
    for name, added, between in () if before else _ADDED:
        if added in (known := os.environ.get(name, "")):
            for part in (added + between, between + added, added):
                known = known.replace(part, "")
            _put(name, known)


def _put(name: str, value: str | None) -> None:
    if value:
        os.environ[name] = value
    else:
        del os.environ[name]


def _refusal(ban: Ban | None, line: str) -> ConnectionRefusedError:
    """The error of a refusal; its line is written to the file of the ban."""
    if ban:
        # One write per line, so the lines of several processes do not mix. OSError: the test run has ended and deleted the file.
        with suppress(OSError), os.fdopen(os.open(ban.file, os.O_WRONLY | os.O_APPEND), "wb", buffering=0) as file:
            shown = line.encode(errors="backslashreplace").decode()
            file.write(f"{json.dumps({'test': ban.test, 'when': ban.when, 'line': shown})}\n".encode())
    return ConnectionRefusedError(errno.ECONNREFUSED, line)


_GUARDS: list[HostGuard] = []


def guard_of(hosts: Sequence[str]) -> HostGuard:
    """The guard of this process, created for these hosts on first use."""
    if not _GUARDS:
        _GUARDS.append(HostGuard(hosts))
    return _GUARDS[0]


def begin(variable: str) -> HostGuard:
    """Refuse what GUARD_VARIABLE says until this process ends; `preload/guard/sitecustomize.py` calls it at the first use of the network."""
    hosts, _, ban = variable.partition(" ")
    guard = guard_of(hosts.split(","))
    guard.hold(Ban(json.loads(ban)["test"], json.loads(ban)["file"], "child"))
    return guard
