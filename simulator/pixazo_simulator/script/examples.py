"""One example of every kind of fault, as a rule that can be run, and how it is written in Python and in TOML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .faults import (
    BeforeReply,
    CompletedWithoutMedia,
    ConnectionReset,
    DeadReceiver,
    Delay,
    Drop,
    Duplicate,
    EmptyReply,
    Fault,
    GarbledBody,
    Hang,
    HtmlPage,
    LognormalDelay,
    MediaGone,
    NotFoundWindow,
    Reorder,
    ReplyLost,
    SlowDrip,
    StatusCode,
    Stuck,
    TruncatedBody,
    UniformDelay,
    UnknownStatus,
    WrongContentType,
    kind_of,
)
from .rule import Rule


def _rule(when: str, fault: Any, times: int | None = None) -> Rule:
    return Rule(when=when, faults=(fault,), times=times)


EXAMPLES: Mapping[str, Rule] = {
    kind_of(rule.faults[0]): rule
    for rule in (
        _rule("generate", StatusCode(502), 1),
        _rule("status", HtmlPage(403), 1),
        _rule("status", Delay(0.2)),
        _rule("status", UniformDelay(0.1, 0.3)),
        _rule("generate", LognormalDelay(0.1, 0.4)),
        _rule("generate", ReplyLost(), 1),
        _rule("generate", EmptyReply(), 1),
        _rule("status", ConnectionReset(), 1),
        _rule("status", Hang(), 1),
        _rule("media", TruncatedBody(0.5), 1),
        _rule("status", GarbledBody(), 1),
        _rule("media", SlowDrip(0.5, pieces=5)),
        _rule("status", WrongContentType("text/html")),
        _rule("status", CompletedWithoutMedia(output="null")),
        _rule("status", UnknownStatus("ARCHIVED"), 1),
        _rule("status", NotFoundWindow(2)),
        _rule("generate", Stuck()),
        _rule("media", MediaGone(410)),
        _rule("webhook", Drop(), 1),
        _rule("webhook", Duplicate(copies=3)),
        _rule("webhook", Reorder(), 1),
        _rule("webhook", BeforeReply()),
        _rule("webhook", DeadReceiver(), 1),
    )
}
"""Kind of fault -> a rule with that fault alone."""


def in_python(rule: Rule) -> str:
    """A rule with one fault as a line of a test."""
    times = f", times={rule.times}" if rule.times else ""
    return f'pixazo.when("{rule.when}").fault({_call(rule.faults[0])}{times})'


def _call(fault: Fault) -> str:
    """As it is written, without what is left at its default."""
    given = [
        f"{field.name}={getattr(fault, field.name)!r}"
        for field in msgspec.structs.fields(fault)
        if getattr(fault, field.name) != field.default
    ]
    return f"{type(fault).__name__}({', '.join(given)})"


def in_toml(rule: Rule) -> str:
    """A rule with one fault as a table of a script file."""
    told = msgspec.to_builtins(rule.faults[0])
    fault = ", ".join(f"{name} = {_value(value)}" for name, value in told.items())
    times = [f"times = {rule.times}"] if rule.times else []
    return "\n".join(["[[rules]]", f'when = "{rule.when}"', *times, f"faults = [{{ {fault} }}]"])


def _value(value: object) -> str:
    """A text, number or boolean, which TOML writes as JSON does."""
    return msgspec.json.encode(value).decode()
