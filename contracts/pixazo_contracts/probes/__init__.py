"""Probes: conversations that provoke what clauses judge, one file a group.

How a probe looks::

    def _unknown(setting: Setting) -> Talk[None]:
        exchange = yield from read(unknown_id(setting.run, "unknown"), case="unknown id", aims=("STATUS-10",))
        ...

    PROBES = (Probe(name="unknown id", feeds=("STATUS-10",), talk=_unknown),)

A talk is a generator and does no I/O: it yields wishes (`conversation`: `Send`, `Together`, `Pause`, `Hook`,
`AwaitCallbacks`, `Publish`, `Await`, `Recall`), mostly through the steps of `probes.steps`, and gets back what the trace
will hold: an `Exchange`, callbacks, a URL. The runner carries many talks forward at once. `feeds` names the clauses whose
judgement may rest on it; `worst` and `expected` are generations; `needs` capabilities; `phase` when it runs.

A clause finds its exchanges again by `aims` (`trace.aimed("STATUS-10")`), tells them apart by `case`, and knows by `intent`
what the page makes of each. Packs are cases `g1` to `g5` (see `packs`), families break one rule a request (see `family`).
Probes share generations by publishing them under a name: `g1` when it was accepted, `g1 ended` when it has ended.

On a target that charges (`setting.limited`) probes run one after the other: first what the page forbids, which is free if
refused and gives its reservation back, then what is paid for, the probe that feeds most clauses first (see `plan.in_order`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import accounts, addresses, bodies, callbacks, packs, parameters, purses, reading, repetition, smoke
from .conversation import (
    Answer,
    Await,
    AwaitCallbacks,
    Hook,
    Pause,
    Probe,
    Publish,
    Recall,
    Send,
    Setting,
    Talk,
    Together,
    Wish,
    await_callbacks,
    hook,
    pause,
    send,
    together,
)
from .family import ABSENT
from .images import bmp, data_url, gif, jpeg, png, svg, webp
from .samples import members
from .smoke import Unusable, unusable
from .steps import BODY_ONLY, PRINTED_HEADERS, follow, media_urls, poll, read_send, submit_send

if TYPE_CHECKING:
    from collections.abc import Collection


__all__ = [
    "ABSENT",
    "BODY_ONLY",
    "PRINTED_HEADERS",
    "PROBES",
    "Answer",
    "Await",
    "AwaitCallbacks",
    "Hook",
    "Pause",
    "Probe",
    "Publish",
    "Recall",
    "Send",
    "Setting",
    "Talk",
    "Together",
    "Unusable",
    "Wish",
    "await_callbacks",
    "bmp",
    "data_url",
    "feeders",
    "follow",
    "for_clauses",
    "gif",
    "hook",
    "jpeg",
    "media_urls",
    "members",
    "pause",
    "png",
    "poll",
    "read_send",
    "send",
    "submit_send",
    "svg",
    "together",
    "unusable",
    "webp",
]

#: All probes, smoke first, late ones last, cheap ones before dear ones.
PROBES: tuple[Probe, ...] = (
    *smoke.PROBES,
    *addresses.PROBES,
    *(probe for probe in reading.PROBES if probe.phase == "main"),
    *bodies.PROBES,
    *parameters.PROBES,
    *accounts.PROBES,
    *packs.PROBES,
    *callbacks.PROBES,
    *repetition.PROBES,
    *purses.PROBES,
    *bodies.OPEN_QUESTIONS,
    *parameters.OPEN_QUESTIONS,
    *(probe for probe in reading.PROBES if probe.phase == "late"),
)


def feeders() -> dict[str, tuple[str, ...]]:
    """The names of the probes that feed each clause."""
    by_clause: dict[str, list[str]] = {}
    for probe in PROBES:
        for clause_id in dict.fromkeys(probe.feeds):
            by_clause.setdefault(clause_id, []).append(probe.name)
    return {clause_id: tuple(names) for clause_id, names in by_clause.items()}


def for_clauses(clause_ids: Collection[str]) -> tuple[Probe, ...]:
    """The smoke test and the probes that feed any of these clauses, in order."""
    wanted = set(clause_ids)
    return tuple(probe for probe in PROBES if probe.phase == "smoke" or wanted & set(probe.feeds))
