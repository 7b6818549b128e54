"""What the report of a failed test shows of its world, with the requests as shell commands that repeat them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pixazo_simulator.control import Exchange, curl
from pytest_pixazo.world import MOST_LINES, REQUEST_ID, Record, delivery_table, exchange_table, folded, outlook


def sections(record: Record) -> list[tuple[str, str]]:
    """Titles and texts: journal, what is ahead on the clock, unmatched requests, script, webhooks, commands that repeat the requests, seed.

    A world that received nothing has nothing to do with the failure, unless rules were waiting for a request.
    """
    if not record.exchanges and not record.unmatched:
        return [("pixazo journal", "no request arrived, so no rule was used")] if record.rules else []
    dropped = f"\n({record.dropped} older exchanges are no longer kept)" if record.dropped else ""
    script = [
        f"{rule.label}: used {' + '.join(map(str, rule.used))} time{'' if sum(rule.used) == 1 else 's'}"
        for rule in record.rules
    ]
    commands = [*_commands(record.exchanges, curl), *_commands(record.unmatched, partial(curl, reached_world=False))]
    same_start = f', start="{record.start}"' if record.start else ""
    found = [
        ("pixazo journal", exchange_table(record.exchanges) + dropped),
        ("pixazo clock", (record.clock and outlook(record.clock, record.generations, record.exchanges)) or ""),
        ("pixazo unmatched requests", exchange_table(record.unmatched) if record.unmatched else ""),
        ("pixazo script", "\n".join(script)),
        ("pixazo webhooks", delivery_table(record.deliveries) if record.deliveries else ""),
        ("pixazo inbox", "\n".join(record.inbox_problems)),
        ("pixazo requests as commands", "\n".join(commands[-MOST_LINES:])),
        (
            "pixazo seed",
            f"{record.seed} (to repeat it anywhere: @pytest.mark.pixazo(seed={record.seed}{same_start}))",
        ),
    ]
    return [(title, text) for title, text in found if text]


def _commands(exchanges: Sequence[Exchange], command: Callable[[Exchange], str]) -> Iterator[str]:
    """The commands of these exchanges; of many that differ only in id or body, such as polls, the first and the last."""
    alike: dict[tuple[str, str, int], list[Exchange]] = {}
    for each in exchanges:
        alike.setdefault((each.method, REQUEST_ID.sub("", each.target), each.status), []).append(each)
    for same in alike.values():
        last = f"# {{}} more like this one, and the last, exchange {same[-1].number}:"
        yield from folded([*map(command, same)], last.format)
