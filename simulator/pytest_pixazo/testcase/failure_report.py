"""What a failed test shows of its world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_pixazo.world import MOST_LINES, Delivery, Exchange, Generation, delivery_table, exchange_table, outlook

from .curl import curl

if TYPE_CHECKING:
    from pytest_pixazo.world import Record


def sections(record: Record) -> list[tuple[str, str]]:
    """Titles and texts: the journal, what the clock has ahead, calls that reached no world, the script, callbacks, commands to repeat requests, the seed."""
    exchanges = msgspec.convert(record.exchanges, list[Exchange])
    lobby = msgspec.convert(record.lobby, list[Exchange])
    deliveries = msgspec.convert(record.deliveries, list[Delivery])
    found = [
        ("pixazo journal", exchange_table(exchanges) + _dropped(record)),
        ("pixazo clock", outlook(record.clock, msgspec.convert(record.generations, list[Generation])) or ""),
        ("pixazo calls that reached no world", exchange_table(lobby) if lobby else ""),
        ("pixazo script", "\n".join(f"{rule['label']}: used {_used(rule['used'])}" for rule in record.rules)),
        ("pixazo callbacks", delivery_table(deliveries) if deliveries else ""),
        ("pixazo requests as commands", _commands(record)),
        ("pixazo seed", f"{record.seed} (to repeat it anywhere: @pytest.mark.pixazo(seed={record.seed}))"),
    ]
    return [(title, text) for title, text in found if text]


def _dropped(record: Record) -> str:
    return f"\n({record.dropped} older ones gave way)" if record.dropped else ""


def _used(used: list[int]) -> str:
    return " + ".join(map(str, used)) + (" times" if sum(used) != 1 else " time")


def _commands(record: Record) -> str:
    inside = [curl(each) for each in record.exchanges[-MOST_LINES:]]
    outside = [curl(each, reached_world=False) for each in record.lobby[-MOST_LINES:]]
    return "\n".join([*inside, *outside][-MOST_LINES:])
