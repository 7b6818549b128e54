"""The strength of a clause (what the page says about it) and the cost of checking it."""

from __future__ import annotations

from enum import Enum


class Strength(Enum):
    """What the page says about a requirement, and so what a violation means (`judge.verdict`).

    `DOCUMENTED`: the page says it. `IMPLIED`: it follows from what the page says. `EXAMPLE`: only an example shows it.
    `SILENT`: the page leaves it open, so the gateway's behaviour is recorded and only a change is reported.
    """

    DOCUMENTED = "D"
    IMPLIED = "I"
    EXAMPLE = "E"
    SILENT = "S"


class Cost(Enum):
    """What it costs to check a clause on a gateway that charges.

    `FREE`: nothing. `FREE_IF_REFUSED`: nothing, unless the gateway accepts what it should refuse. `SHARED`: a
    generation that many clauses share. `FURTHER`: one more generation. `RECEIVER`: a shared generation, and a receiver
    for callbacks. `ACCOUNT`: an account of a certain kind. `ACCOUNT_RECEIVER`: both. `NOT_OUTSIDE`: what can only be
    checked on a gateway that we run ourselves.
    """

    FREE = "F"
    FREE_IF_REFUSED = "F!"
    SHARED = "G"
    FURTHER = "G+"
    RECEIVER = "GW"
    ACCOUNT = "A"
    ACCOUNT_RECEIVER = "AW"
    NOT_OUTSIDE = "N"


DOCUMENTED, IMPLIED, EXAMPLE, SILENT = Strength
FREE, FREE_IF_REFUSED, SHARED, FURTHER, RECEIVER, ACCOUNT, ACCOUNT_RECEIVER, NOT_OUTSIDE = Cost
