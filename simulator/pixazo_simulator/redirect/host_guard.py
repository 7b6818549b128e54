"""The vendor's hosts are refused in this process, and in the Python and Node processes that it starts."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary, WeakSet

from .child import DOOR_PORT
from .patches import Hooks
from .proxy import Address
from .routing import Detour, named_proxies, plain, said_of_proxies

VARIABLE = "PIXAZO_GUARD"
"""Tells a process that a guarded one starts what to refuse: the hosts with commas between them, a space, and JSON with `file` and `test`
of the ban, and `why`."""
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
_REQUIRE = f"--require {json.dumps(str(Path(_PRELOAD, 'guard.cjs')))}"
_ADDED = (("PYTHONPATH", _PRELOAD, os.pathsep), ("NODE_OPTIONS", _REQUIRE, " "))
_HEARD = {
    "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.gethostbyaddr": 0, "socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1,
    "subprocess.Popen": 1, "os.system": 0, "os.posix_spawn": 1, "os.exec": 1, "os.spawn": 2,
}  # fmt: skip
"""Audit events about names, addresses and programs that start, and which of their arguments says what is called."""
_POOLS = frozenset({"concurrent.futures.thread", "anyio._backends._asyncio", "trio._core._thread_cache"})
_WAITING = _POOLS | {"threading", "queue"}
"""Modules that the threads of pools come from, and those in which they wait for work."""
_LET_THROUGH = re.compile(
    r"(?:python|pypy)[\d.]*t?|node(?:js)?|pytest|py\.test|pixazo-sim|pixazo-contracts|echo|git|grep|printf",
    re.IGNORECASE,
)
"""Programs that refuse the hosts by themselves, lead to a simulator, or send nothing of what the gateway charges for."""
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_OPTION_C = re.compile(r"-[a-z]*c")
_NESTED = re.compile(r"[`\n]|\$['(]")
_REDIRECTIONS = frozenset({">", ">>", "<", ">&"})
_ASSIGNMENT = re.compile(r"\w+=")


class Ban(NamedTuple):
    """`test` is the one in which the hosts are refused, `where` says so in words, `file` takes a line for each refusal."""

    test: str
    where: str
    file: str
    remedy: str = REMEDY

    @property
    def why(self) -> str:
        """What is told of a host."""
        return f" was called {self.where}: {self.remedy}"


class Guard(Detour):
    """Refuses `hosts` while a ban holds; what a redirection leads elsewhere is its business.

    A process has one, which stays, since neither what it replaces nor its audit hook can be taken away safely; while no ban holds
    they do nothing. The hook sees look-ups by whatever name the function was imported, and programs to
    which one of the hosts is given.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        super().__init__(hosts, ("", 0))
        self.ban: Ban | None = None
        self._latest: Ban | None = None
        self._is_open = False
        self._heard = _HEARD  # events come even when the names of this module are gone, at the end of the process
        self._others: WeakSet[threading.Thread] = WeakSet()
        self._threads: WeakKeyDictionary[threading.Thread, Ban] = WeakKeyDictionary()
        self._given = re.compile(
            rf"(?<![\w.-])({'|'.join(map(re.escape, sorted(self.hosts)))})(?!\.?[\w-])",
            re.ASCII | re.IGNORECASE,
        )
        self._held = (self._said, set(self._proxies))
        self._hooks = Hooks(self)
        sys.addaudithook(self.audit)

    def hold(self, ban: Ban) -> None:
        """Refuse the hosts from now on."""
        self.ban = self._latest = ban
        self._is_open = False
        self._others = WeakSet(threading.enumerate())
        self._forget_proxies()
        self._hooks.stay()

    def lift(self, before: Ban | None = None, *, wholly: bool = False) -> None:
        """Let the ban from before hold again, or none; without one, still refuse the threads that were left running, unless `wholly`."""
        self.ban = before
        self._is_open = wholly and before is None

    def leave(self) -> None:
        """Remember the threads that were started under the ban and still run: whatever they call later is of that test."""
        frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  # documented, in spite of its name
        for thread in set(threading.enumerate()) - set(self._others):
            if self.ban and not _is_idle(frames.get(thread.ident or 0)):
                where = f"in thread {thread.name!r}, which {self.ban.test} had left running"
                self._threads[thread] = self.ban._replace(where=where)

    def variables(self, ban: Ban) -> dict[str, str]:
        """The environment by which Python and Node processes started meanwhile refuse the hosts, too."""
        why = _of_child(ban.test, ban.file).why
        return {
            VARIABLE: f"{','.join(sorted(self.hosts))} {json.dumps({'file': ban.file, 'test': ban.test, 'why': why})}",
            **{name: _with(os.environ.get(name), added, between) for name, added, between in _ADDED},
        }

    def covers(self, host: object) -> bool:
        """Whether this is one of the hosts, and refused to this thread."""
        return (
            super().covers(host)
            and self._ban_here() is not None
            and not any(route.covers(host) for route in Hooks.active)
        )

    def admit(self, host: str, peer: tuple[Any, ...] | None) -> None:  # noqa: ARG002 - whoever it is
        """Refuse a connection on which one of the hosts is called, such as by way of a SOCKS proxy."""
        raise self.refusal(host)

    def cut(self, host: str) -> ConnectionError:
        """The error to raise when something is to be sent over a connection that was opened before the ban."""
        return self.refusal(plain(host))

    def refusal(self, violation: str) -> ConnectionRefusedError:
        """The error to raise for a host; it is told in the file of the ban, whatever process this is."""
        ban = self._ban_here() or self._latest
        return _told(ban, f"{violation}{ban.why if ban else ''}")

    def is_inside(self, peer: tuple[Any, ...] | None) -> bool:  # noqa: ARG002 - nobody is
        """Whether a connection leads to a door: there is none."""
        return False

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Hear of what this process is about to do; raises ConnectionRefusedError for what is refused."""
        place = self._heard.get(event)
        if place is None:
            return
        if not event.startswith("socket."):
            self._start(args[place], args[-1])
        elif self.covers(host := self._called(args[place])):
            raise self.refusal(plain(host))

    def _called(self, address: object) -> object:
        return cast("tuple[object, ...]", address)[0] if isinstance(address, tuple) else address

    def _gateway(self, name: str, port: int) -> Address:  # noqa: ARG002 - whichever it is
        raise self.refusal(name)

    def _known_proxies(self) -> set[Address]:
        """None but those with a relay while nothing is refused: clients may keep the relay's address."""
        return set(self._relays) if self.ban is None else super()._known_proxies()

    def _forget_proxies(self) -> None:
        """Leave alone the proxies that only an earlier test named: their ports may be anybody's by now."""
        if (said := said_of_proxies()) != self._held[0]:
            self._held = (said, set(named_proxies()))
        self._said, self._proxies = said, set(self._held[1])
        if not self._proxies.issuperset(self._relays):
            self.close()

    def _ban_here(self) -> Ban | None:
        return None if self._is_open else self._threads.get(threading.current_thread(), self.ban)

    def _start(self, command: object, environment: object) -> None:
        """Refuse to give one of the hosts to a program, which no redirection leads, either."""
        ban = self._ban_here()
        if ban is None or (isinstance(environment, Mapping) and DOOR_PORT in environment):
            return
        words = [os.fsdecode(each) for each in _words(command)]
        given = next(filter(None, map(self._given.search, words)), None)
        if given and not _LET_THROUGH.fullmatch(program := _program(words, isinstance(command, list | tuple))):
            name = program if re.fullmatch(r"[\w.+-]+", program) else "a command"  # else it may hold a key
            raise _told(ban, f"{given[1].lower()} was given to {name} {ban.where}: {PROCESS_REMEDY}")


def _program(words: Sequence[str], is_list: bool) -> str:  # noqa: FBT001 - private
    """The name of the only program that a command starts, empty for a shell's text that may start several."""
    if not is_list:
        return _only_program(words[0])
    name = os.path.basename(words[0])  # noqa: PTH119 - words are no paths
    return _only_program(words[2]) if name in _SHELLS and len(words) == 3 and _OPTION_C.fullmatch(words[1]) else name


def _only_program(text: str) -> str:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = [] if _NESTED.search(text) else list(lexer)
    except ValueError:  # a quotation does not end
        return ""
    if any(set(word) <= set("();<>|&") and word not in _REDIRECTIONS for word in words):
        return ""
    return os.path.basename(next((word for word in words if not _ASSIGNMENT.match(word)), ""))  # noqa: PTH119 - as above


def _is_idle(frame: FrameType | None) -> bool:
    """Whether a thread waits in a pool for work, which may come from another test."""
    names: set[object] = set()
    while frame:
        names.add(frame.f_globals.get("__name__"))
        frame = frame.f_back
    return names <= _WAITING and not names.isdisjoint(_POOLS)


def _of_child(test: str, file: str) -> Ban:
    return Ban(test, f"in a process that {test} started", file, PROCESS_REMEDY)


def _told(ban: Ban | None, line: str) -> ConnectionRefusedError:
    """The error of a refusal, which is written to the file of its ban."""
    if ban:
        _append(ban.file, line)
    return ConnectionRefusedError(errno.ECONNREFUSED, line)


def _words(command: object) -> Iterator[str | bytes | os.PathLike[str]]:
    given = cast("Sequence[object]", command) if isinstance(command, list | tuple) else (command,)
    yield from (cast("str", each) for each in given if isinstance(each, str | bytes | os.PathLike))


def _with(known: str | None, added: str, between: str) -> str:
    """A variable with one more word, which it may have already, in a process that a guarded one started."""
    return known if known and added in known else between.join(filter(None, (added, known)))


def forget(file: str, before: str | None) -> None:
    """Take what the bans that write to `file` have added out of the environment, where somebody may have put it back.

    `before` is what `VARIABLE` was before them all: with a guarded process around this one the rest was there already.
    """
    if json.dumps(file) in os.environ.get(VARIABLE, ""):
        _put(VARIABLE, before)
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


def _append(file: str, line: str) -> None:
    """Write a line at once, so that those of several processes do not mix; nobody reads a file that is gone."""
    with suppress(OSError):
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, f"{line}\n".encode(errors="backslashreplace"))
        finally:
            os.close(descriptor)


_GUARDS: list[Guard] = []


def guard_of(hosts: Sequence[str]) -> Guard:
    """The guard of this process, made when it is first asked for."""
    if not _GUARDS:
        _GUARDS.append(Guard(hosts))
    return _GUARDS[0]


def begin(told: str) -> Guard:
    """Refuse what `VARIABLE` tells until this process ends: `preload/guard/sitecustomize.py` calls it when the network is first used."""
    hosts, _, ban = told.partition(" ")
    guard = guard_of(hosts.split(","))
    guard.hold(_of_child(json.loads(ban)["test"], json.loads(ban)["file"]))
    return guard
