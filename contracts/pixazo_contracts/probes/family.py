"""Families of requests that each break one rule, and the breaker that keeps a family from spending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .conversation import Probe
from .samples import members
from .steps import PRINTED_HEADERS, encode, follow, poll, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.trace import Exchange, Intent

    from .conversation import Setting, Talk


#: A prompt that nobody could object to.
PROMPT = "A paper boat drifts down a rainy street"

#: Members that may be left out, but that some careless gateway requires: that is T2V-BODY-02's business alone.
PRINTED: dict[str, object] = {"duration": 6, "resolution": "768P"}

#: The value of a member that a body shall not have.
ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request of a family: what it is called, its body (made when it is sent), and what the page says of it."""

    name: str
    body: Callable[[], bytes]
    intent: Intent = "refuse"
    headers: tuple[tuple[str, str], ...] = PRINTED_HEADERS


def _changed(body: dict[str, object], changes: dict[str, object]) -> bytes:
    return encode({name: value for name, value in {**body, **changes}.items() if value is not ABSENT})


def _prompt(name: str) -> str:
    """A prompt of its own for each case: a gateway may take equal bodies for one request."""
    return f"{PROMPT} ({name})"


def t2v(name: str, intent: Intent = "refuse", **changes: object) -> Case:
    """A valid text-to-video request with some members changed, added, or (`ABSENT`) left out."""
    body = {"prompt": _prompt(name), **PRINTED}
    return Case(name=name, body=lambda: _changed(body, changes), intent=intent)


def i2v(name: str, intent: Intent = "refuse", **changes: object) -> Case:
    """As `t2v`, for image-to-video, with the image of the printed example."""
    image = members("image_to_video")["first_frame_image"]
    body = {"prompt": _prompt(name), "first_frame_image": image, **PRINTED}
    return Case(name=name, body=lambda: _changed(body, changes), intent=intent)


def family(
    name: str,
    aims: tuple[str, ...],
    operation: str,
    *cases: Case,
    feeds: tuple[str, ...] = (),
    fate: bool = False,
    only_unlimited: bool = False,
    needs: frozenset[str] = frozenset(),
) -> Probe:
    """A family: its cases are sent one after the other, each free if it is refused.

    On a target that charges a case of which the page does not say that it is refused is counted as a generation, refused or not.
    Breaker: the first acceptance of a case that the page forbids ends the family; on a target that charges any acceptance
    does, and the accidental generation is polled for what it can still teach. `fate`: what becomes of an accepted case is
    part of the question, so all cases are sent, then followed to their ends.
    """

    def talk(setting: Setting) -> Talk[None]:
        accepted: list[Exchange] = []
        for case in cases:
            exchange = yield from submit(
                operation, case.body(), case=case.name, aims=aims, intent=case.intent, headers=case.headers
            )
            if exchange.succeeded:
                accepted.append(exchange)
                if setting.limited or (case.intent == "refuse" and not fate):
                    break
        if setting.limited and accepted:
            yield from poll(setting, accepted[0])
        elif fate:
            yield from follow(setting, accepted)

    counted = sum(case.intent != "refuse" for case in cases)
    return Probe(
        name=name,
        feeds=(*aims, *feeds),
        talk=talk,
        worst=max(1, counted),
        expected=counted,
        only_unlimited=only_unlimited,
        needs=needs,
    )
