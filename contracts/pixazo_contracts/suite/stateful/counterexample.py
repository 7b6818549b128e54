"""A counterexample: the steps that led to a broken clause, also as a file of probes that a person may promote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Final, cast

from pixazo_contracts.probes import Send, Step, StepResult
from pixazo_contracts.report import ContractBrokenError
from pixazo_contracts.trace import Exchange

MODULE: Final = '''"""A counterexample: the gateway breaks {clauses}. Found by the state machine; see the comment for what it saw.

To promote it: name it, check what it costs (here: {worst} generations at worst), and add its PROBES to those of its group.
"""

{comment}
from pixazo_contracts.probes import AwaitCallbacks, Conversation, Pause, ReceiverUrl, RunContext, Send, Together, probe


@probe("counterexample {clauses}", *{feeds!r}, cost={worst}, only_unlimited=True)
def counterexample(context: RunContext) -> Conversation[None]:
    del context  # these steps do not depend on the target
{body}

PROBES = (counterexample,)
'''

#: A call with more arguments is spread over lines, with this separator.
MOST_ON_A_LINE: Final = 3
BREAK: Final = ",\n        "


class CounterexampleError(ContractBrokenError):
    """The gateway broke clauses of the page; `steps` are the steps that led to it, with their results."""

    def __init__(self, clauses: tuple[str, ...], text: str, steps: tuple[tuple[Step, StepResult], ...]) -> None:
        super().__init__(clauses, text)
        self.steps = steps

    @property
    def length(self) -> tuple[int, int, int]:
        """The length of the counterexample: in submits, then in steps, of which most are polls, then in characters."""
        return self._submits, len(self.steps), len(self.source)

    @property
    def _submits(self) -> int:
        return sum(isinstance(step, Send) and step.method == "POST" for step, _ in self.steps)

    @cached_property
    def source(self) -> str:
        """A Python module whose `PROBES` repeat the steps; ids and receiver URLs are those of the new run."""
        return MODULE.format(
            clauses=", ".join(self.clauses),
            feeds=self.clauses,
            worst=self._submits,
            comment="".join(f"# {line}\n" if line else "#\n" for line in self.text.splitlines()),
            body="".join(f"    {line}\n" for line in _looped(list(_lines(self.steps)))) or "    yield from ()\n",
        )

    def save(self, directory: Path) -> Path:
        """Write the module into a directory, named after the first clause. Raises OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"counterexample_{self.clauses[0].replace('-', '_').lower()}.py"
        path.write_text(self.source, encoding="utf-8")
        return path


def _lines(steps: tuple[tuple[Step, StepResult], ...]) -> Iterator[str]:
    """A statement for each step; `known` maps ids and URLs from results to the expressions for them."""
    known: dict[str, str] = {}
    for number, (step, result) in enumerate(steps, 1):
        statement = f"yield from {_call(step, known)}"
        if isinstance(result, Exchange) and result.accepted_id is not None and result.accepted_id not in known:
            known[result.accepted_id] = f"submit_{number}.accepted_id"
            statement = f"submit_{number} = {statement}"
        elif isinstance(result, str):
            known[result] = f"url_{number}"
            statement = f"url_{number} = {statement}"
        yield statement


def _looped(lines: list[str]) -> Iterator[str]:
    """The same statements, with a loop around two that repeat: polls and the waits between them."""
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


def _call(step: Step, known: dict[str, str]) -> str:
    """The constructor call of a step, without arguments that have their default value."""
    given = [(item.name, getattr(step, item.name)) for item in fields(step) if getattr(step, item.name) != item.default]
    arguments = [f"{name}={_value(value, known)}" for name, value in given]
    spread = f"\n        {BREAK.join(arguments)},\n    " if len(arguments) > MOST_ON_A_LINE else ", ".join(arguments)
    return f"{type(step).__name__}({spread})"


def _value(value: object, known: dict[str, str]) -> str:
    """A value as Python source, with expressions in place of ids and URLs from results."""
    if isinstance(value, Send):
        return _call(value, known)
    if isinstance(value, tuple):
        return f"({' '.join(f'{_value(item, known)},' for item in cast('tuple[object, ...]', value))})"
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
