"""How acceptances and refusals of a submit are judged, once for all clauses about parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pixazo_contracts.trace import TERMINAL

from .clause import Observation, check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixazo_contracts.trace import Exchange, Trace

    from .clause import Remarks


#: Answers that say nothing about the parameters: key, wallet, permission, route, rate.
UNDECIDED: Final = frozenset({401, 402, 403, 404, 405, 429})

#: The cases that ask for several things in one request.
PACKS: Final = frozenset({"g1", "g2", "g4", "g5"})


def code_word(exchange: Exchange) -> str:
    """An answer as an observation tells it: `accepted` or the code."""
    return "accepted" if exchange.succeeded else str(exchange.status)


def answered(exchanges: Iterable[Exchange], *codes: int) -> Remarks:
    """Each of the exchanges is answered with one of the codes."""
    for exchange in exchanges:
        expected = " or ".join(map(str, codes))
        yield check(exchange.status in codes, exchange, "status code", expected, str(exchange.status))


def refused(trace: Trace, clause_id: str) -> Remarks:
    """Every request aimed at the clause that should be refused is; which code, is the business of ERR-400-01.

    Requests of which the page does not say whether they are refused are observed.
    """
    for exchange in trace.aimed(clause_id):
        if exchange.intent == "refuse" and exchange.status not in UNDECIDED:
            is_refusal = exchange.status is not None and 400 <= exchange.status < 500
            yield check(is_refusal, exchange, f"status code ({exchange.case})", "a refusal, 400", code_word(exchange))
    yield from observed(trace, clause_id)


def refused_or_failed(trace: Trace, clause_id: str) -> Remarks:
    """As `refused`; but a rule about the image may also be enforced later, by ending FAILED or ERROR."""
    for exchange in trace.aimed(clause_id):
        if exchange.intent != "refuse" or exchange.status in UNDECIDED:
            continue
        generation = trace.generation(exchange.accepted_id)
        if generation is None:
            is_refusal = exchange.status is not None and 400 <= exchange.status < 500
            yield check(is_refusal, exchange, f"status code ({exchange.case})", "a refusal, 400", code_word(exchange))
        elif generation.outcome in TERMINAL:
            holds = generation.outcome != "COMPLETED"
            where = f"outcome ({exchange.case})"
            yield check(holds, exchange, where, "a refusal, or FAILED later", str(generation.outcome))


def accepted(trace: Trace, clause_id: str) -> Remarks:
    """The requests aimed at the clause are accepted.

    A refused pack of several features accuses none of them: each is then sent by itself, and that request decides.
    """
    for exchange in trace.aimed(clause_id):
        if exchange.intent != "accept" or exchange.status in UNDECIDED:
            continue
        if exchange.succeeded or exchange.case not in PACKS:
            yield check(
                exchange.succeeded, exchange, f"status code ({exchange.case})", "acceptance, 202", str(exchange.status)
            )


def observed(trace: Trace, clause_id: str, *, codes: bool = False) -> Remarks:
    """What became of each request aimed at the clause of which the page does not say what should.

    A refusal is told without its code, which is the business of ERR-400-01, unless `codes`.
    """
    for exchange in trace.aimed(clause_id):
        if exchange.intent != "any" or exchange.status is None or exchange.status in UNDECIDED:
            continue
        generation = trace.generation(exchange.accepted_id)
        ending = f", then {generation.outcome}" if generation is not None and generation.outcome else ""
        word = "refused" if 400 <= exchange.status < 500 and not codes else code_word(exchange)
        yield Observation(f"{exchange.case}: {word}{ending}", exchange)
