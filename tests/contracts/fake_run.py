"""Runs and dialogues against the fake gateway, in this process and on a virtual clock: fast, and the same every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

import httpx2
import pytest

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Terms, evaluate
from pixazo_contracts.judge.verdict import Verdict, judge
from pixazo_contracts.probes import PROBES, feeders
from pixazo_contracts.runner.run_clock import VirtualClock
from pixazo_contracts.runner.session import RunOptions, open_dialogue, run
from pixazo_contracts.trace.target import Profile, Target
from tests.contracts.gateways.fake_gateway import (
    ACCOUNTS,
    ERROR_PROMPT,
    FAILED_PROMPT,
    KEY,
    ONES,
    OTHERS,
    TWO,
    Answered,
    Ask,
    FakeGateway,
    Reply,
    Work,
)
from tests.contracts.gateways.fake_server import call

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from _pytest.mark import ParameterSet

    from pixazo_contracts.probes.conversation import Probe
    from pixazo_contracts.runner.session import Dialogue
    from pixazo_contracts.trace.trace import Trace

T = TypeVar("T")

ORIGIN = "http://127.0.0.1:8900"
ZERO = 1_774_951_200.0  # 2026-03-31T10:00:00Z
QUICK = tuple(probe for probe in PROBES if not probe.name.startswith("I2V-IMG-08"))
"""All probes but those of images of 20 MB, which take as long as the rest and bear on one clause."""


class InProcess(httpx2.BaseTransport):
    """Hands requests to a gateway without a socket."""

    def __init__(self, answer: Callable[[Ask], Answered]) -> None:
        self.answer = answer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.url.raw_path.decode()
        answered = self.answer(Ask(request.method, target, headers, request.read(), headers["host"]))
        if answered is None:
            raise httpx2.ReadError("hung up", request=request)
        status, headers, body = answered
        return httpx2.Response(status, headers=headers, content=body)


def some(cases: Mapping[str, T], few: int) -> list[ParameterSet]:
    """The cases as parameters, by name: a few of them for the default run, the others for an exhaustive one."""
    marked = [() if number < few else pytest.mark.exhaustive for number in range(len(cases))]
    return [pytest.param(case, id=name, marks=m) for (name, case), m in zip(cases.items(), marked, strict=True)]


class Knobs(TypedDict, total=False):
    """How the fake differs from a faithful gateway: edits of responses, of callbacks, of what becomes of a generation."""

    edit: Callable[[Ask, Reply], Reply]
    tell: Callable[[dict[str, object]], dict[str, object]]
    plan: Callable[[Work], Work]


def virtual_fake(**knobs: Unpack[Knobs]) -> tuple[FakeGateway, VirtualClock]:
    """A fake and the clock that it shares with a run: waiting moves it, and sends the callbacks that fall due."""
    elapsed = 0.0
    gateway = FakeGateway(now=lambda: ZERO + elapsed, **knobs)

    def advance(seconds: float) -> None:
        nonlocal elapsed
        elapsed += seconds
        for request_id, url, body in gateway.due():
            call(gateway, request_id, url, body)

    return gateway, VirtualClock(advance)


def full_target(origin: str = ORIGIN, **profile: object) -> Target:
    """The fake as a target with all its accounts and prompts."""
    keys: dict[str, tuple[str, ...]] = {role: (key,) for role, key in {**ACCOUNTS, **OTHERS}.items()}
    keys |= {"default": (KEY,), "one": ONES, "two": (TWO,)}
    settings: dict[str, object] = {"pace": 5.0, "deadline": 120.0, "settle": 30.0, "virtual": True, **profile}
    return Target(
        Profile(origin=origin, **settings),  # type: ignore[arg-type]  # names and types are the profile's own
        keys,
        {"failed": FAILED_PROMPT, "error": ERROR_PROMPT},
    )


@dataclass(frozen=True)
class Observed:
    """What came of one run."""

    trace: Trace
    gateway: FakeGateway
    verdicts: dict[str, Verdict]

    def outcomes(self, *names: str) -> set[str]:
        """The ids of the clauses with these outcomes."""
        return {clause_id for clause_id, verdict in self.verdicts.items() if verdict.outcome.value in names}

    @property
    def exit_code(self) -> int:
        return evaluate(self.trace, CATALOGUE, Terms(today=date(2026, 3, 31))).exit_code

    @property
    def observations(self) -> dict[str, str]:
        return {i: v.observation for i, v in self.verdicts.items() if v.observation is not None}


def observe(
    *,
    prepare: Callable[[FakeGateway], None] = lambda _: None,
    target: Target | None = None,
    probes: Sequence[Probe] = PROBES,
    options: RunOptions | None = None,
    baseline: dict[str, str] | None = None,
    **knobs: Unpack[Knobs],
) -> Observed:
    """Run the probes against a fake with these knobs and judge what came of it."""
    gateway, clock = virtual_fake(**knobs)
    prepare(gateway)
    chosen = options or RunOptions(run="testrun0")
    trace = run(
        target or full_target(),
        probes,
        chosen,
        clock=clock,
        network=InProcess(lambda ask: gateway.answer(ask).answered()),
    )
    verdicts = judge(trace, CATALOGUE, feeders=feeders(), baseline=lambda verdict: (baseline or {}).get(verdict.clause))
    return Observed(trace, gateway, {verdict.clause: verdict for verdict in verdicts})


@contextmanager
def fake_dialogue(
    *, target: Target | None = None, options: RunOptions | None = None, **knobs: Unpack[Knobs]
) -> Generator[tuple[Dialogue, FakeGateway]]:
    """A dialogue with a fake of these knobs, and that fake."""
    gateway, clock = virtual_fake(**knobs)
    chosen = options or RunOptions(run="dialogue")
    with open_dialogue(
        target or full_target(), chosen, clock=clock, network=InProcess(lambda ask: gateway.answer(ask).answered())
    ) as dialogue:
        yield dialogue, gateway
