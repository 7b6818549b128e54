"""A counterexample as a file: the course of events that broke a clause, written as a probe that a human may promote."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, TypeGuard

from pixazo_contracts.probes import AwaitCallbacks, Hook, Pause, Send, Together
from pixazo_contracts.trace import Exchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixazo_contracts.probes import Answer, Wish


HEAD: Final = '''"""A counterexample: the gateway breaks {clauses}. Found by the state machine; see the comment for what it saw.

To promote it: name it, check what it costs (here: {worst} generations at worst), and add its PROBES to those of its group.
"""

{comment}
from pixazo_contracts.probes.conversation import (
    Hook,
    Probe,
    Send,
    Setting,
    Talk,
    await_callbacks,
    hook,
    pause,
    send,
    together,
)


def talk(setting: Setting) -> Talk[None]:
    del setting  # it says nothing of the target that this course of events depends on
'''

FOOT: Final = """

PROBES = (
    Probe(
        name="counterexample {clauses}",
        feeds={feeds},
        talk=talk,
        worst={worst},
        expected={worst},
        only_unlimited=True,
    ),
)
"""

#: What stands between the arguments of a call that is spread over lines.
BREAK: Final = ",\n        "


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The clauses that were broken, how that is told, and the wishes that led to it with their answers."""

    clauses: tuple[str, ...]
    text: str
    granted: tuple[tuple[Wish, Answer], ...]

    def source(self) -> str:
        """A Python module whose `PROBES` repeat it; ids and receiver URLs are those of the new run."""
        submits = sum(isinstance(wish, Send) and wish.method == "POST" for wish, _ in self.granted)
        names = ", ".join(self.clauses)
        comment = "".join(f"# {line}\n" if line else "#\n" for line in self.text.splitlines())
        body = "".join(f"    {line}\n" for line in _looped(list(_lines(self.granted)))) or "    yield from ()\n"
        foot = FOOT.format(clauses=names, feeds=repr(self.clauses), worst=submits)
        return HEAD.format(clauses=names, worst=submits, comment=comment) + body + foot

    def save(self, directory: Path) -> Path:
        """Write the module into a directory; its name tells the first clause. Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"counterexample_{self.clauses[0].replace('-', '_').lower()}.py"
        path.write_text(self.source(), encoding="utf-8")
        return path


def _lines(granted: tuple[tuple[Wish, Answer], ...]) -> Iterator[str]:
    """A statement for each wish; `known` maps what answers gave us to the variables that hold it."""
    known: dict[str, str] = {}
    for number, (wish, answer) in enumerate(granted, 1):
        match wish, answer:
            case Send(), Exchange() if answer.accepted_id is not None and answer.accepted_id not in known:
                yield f"submit_{number} = yield from send({_call(wish, known)})"
                known[answer.accepted_id] = f"submit_{number}.accepted_id"
            case Send(), _:
                yield f"yield from send({_call(wish, known)})"
            case Together(), _ if wish.sends:
                yield f"yield from together({', '.join(_call(one, known) for one in wish.sends)})"
            case Hook(), str():
                yield f"hook_{number} = yield from hook({_call(wish, known)})"
                known[answer] = f"hook_{number}"
            case Pause(), _:
                yield f"yield from pause({wish.seconds!r})"
            case AwaitCallbacks(), _:
                yield f"yield from await_callbacks({_value(wish.url, known)}, {wish.count!r}, {wish.seconds!r})"
            case _:
                pass


def _looped(lines: list[str]) -> Iterator[str]:
    """The same statements, with a loop round two that come again and again: polls and the waiting between them."""
    at = 0
    while at < len(lines):
        pair, times = lines[at : at + 2], 1
        while len(pair) == 2 and lines[at + 2 * times : at + 2 * times + 2] == pair:
            times += 1
        if times == 1:
            yield lines[at]
            at += 1
            continue
        yield f"for _ in range({times}):"
        yield from (f"    {line}".replace("\n", "\n    ") for line in pair)
        at += 2 * times


def _call(wish: Send | Hook, known: dict[str, str]) -> str:
    """The constructor call of a wish, without what is as by default."""
    given = [(item.name, getattr(wish, item.name)) for item in fields(wish) if getattr(wish, item.name) != item.default]
    arguments = [f"{name}={_value(value, known)}" for name, value in given]
    return f"{type(wish).__name__}(\n        {BREAK.join(arguments)},\n    )"


def _is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)


def _value(value: object, known: dict[str, str]) -> str:
    """A value as Python source, with variables in place of what answers gave us."""
    if _is_tuple(value):
        inner = ", ".join(_value(item, known) for item in value)
        return f"({inner},)" if value else "()"
    if isinstance(value, bytes) and not (value.isascii() and all(text.encode() not in value for text in known)):
        try:
            return f"{_value(value.decode(), known)}.encode()"
        except UnicodeDecodeError:
            return repr(value)
    source = repr(value)
    if isinstance(value, str) and any(text in source for text in known):
        source = "f" + source.replace("{", "{{").replace("}", "}}")
        for text, name in known.items():
            source = source.replace(text, f"{{{name}}}")
    return source
