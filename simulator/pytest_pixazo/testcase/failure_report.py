"""What the report of a failed test shows of its world, with the requests as shell commands that repeat them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pixazo_simulator.control import Exchange, curl
from pytest_pixazo.world import MOST_LINES, REQUEST_ID, Record, delivery_table, exchange_table, folded, outlook


def sections(record: Record) -> list[tuple[str, str]]:
    """Titles and texts: journal, what is ahead on the clock, unmatched requests, script, webhooks, commands that repeat the requests, seed.

    A world to which nothing came has nothing to do with the failure, unless rules were waiting for it.
    """
    if not record.exchanges and not record.unmatched:
        return [("pixazo journal", "no request came, so no rule was used")] if record.rules else []
    dropped = f"\n({record.dropped} older exchanges are no longer kept)" if record.dropped else ""
    found = [
        ("pixazo journal", exchange_table(record.exchanges) + dropped),
        ("pixazo clock", (record.clock and outlook(record.clock, record.generations, record.exchanges)) or ""),
        ("pixazo unmatched requests", exchange_table(record.unmatched) if record.unmatched else ""),
        ("pixazo script", "\n".join(f"{rule.label}: used {_used(rule.used)}" for rule in record.rules)),
        ("pixazo webhooks", delivery_table(record.deliveries) if record.deliveries else ""),
        ("pixazo inbox", "\n".join(record.inbox_problems)),
        ("pixazo requests as commands", _commands(record)),
        ("pixazo seed", f"{record.seed} (to repeat it anywhere: @pytest.mark.pixazo({_repeating(record)}))"),
    ]
    return [(title, text) for title, text in found if text]


def _repeating(record: Record) -> str:
    """The arguments of the marker that make the same world."""
    return f"seed={record.seed}" + (f', start="{record.start}"' if record.start else "")


def _used(used: list[int]) -> str:
    return " + ".join(map(str, used)) + (" times" if sum(used) != 1 else " time")


def _commands(record: Record) -> str:
    inside = _folded(record.exchanges, curl)
    outside = _folded(record.unmatched, partial(curl, reached_world=False))
    return "\n".join([*inside, *outside][-MOST_LINES:])


def _folded(exchanges: Sequence[Exchange], command: Callable[[Exchange], str]) -> Iterator[str]:
    """The commands of these exchanges; of many that differ in id or body only, such as polls, the first and the last."""
    alike: dict[tuple[str, str, int], list[Exchange]] = {}
    for each in exchanges:
        alike.setdefault((each.method, REQUEST_ID.sub("", each.target), each.status), []).append(each)
    for same in alike.values():
        last = f"# {{}} more like this one, and the last, exchange {same[-1].number}:"
        yield from folded([*map(command, same)], last.format)
