"""What the report of a failed test shows of its world."""

from __future__ import annotations

from pytest_pixazo.world import MOST_LINES, Record, delivery_table, exchange_table, outlook

from .curl import curl


def sections(record: Record) -> list[tuple[str, str]]:
    """Titles and texts: journal, what is ahead on the clock, unmatched requests, script, webhooks, commands that repeat the requests, seed."""
    found = [
        ("pixazo journal", exchange_table(record.exchanges) + _dropped(record)),
        ("pixazo clock", (record.clock and outlook(record.clock, record.generations)) or ""),
        ("pixazo unmatched requests", exchange_table(record.unmatched) if record.unmatched else ""),
        ("pixazo script", "\n".join(f"{rule.label}: used {_used(rule.used)}" for rule in record.rules)),
        ("pixazo webhooks", delivery_table(record.deliveries) if record.deliveries else ""),
        ("pixazo requests as commands", _commands(record)),
        ("pixazo seed", f"{record.seed} (to repeat it anywhere: @pytest.mark.pixazo(seed={record.seed}))"),
    ]
    return [(title, text) for title, text in found if text]


def _dropped(record: Record) -> str:
    return f"\n({record.dropped} older exchanges are no longer kept)" if record.dropped else ""


def _used(used: list[int]) -> str:
    return " + ".join(map(str, used)) + (" times" if sum(used) != 1 else " time")


def _commands(record: Record) -> str:
    inside = [curl(each) for each in record.exchanges[-MOST_LINES:]]
    outside = [curl(each, reached_world=False) for each in record.unmatched[-MOST_LINES:]]
    return "\n".join([*inside, *outside][-MOST_LINES:])
