"""The pages of the console: each reads what it shows by control routes, and names the template that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import msgspec

from pixazo_simulator.control import ClockState, Exchange, Explanation, JournalPage, Refused, curl, responses
from pixazo_simulator.gateway import serve_media
from pixazo_simulator.script import EXAMPLES, FAULTS, in_python
from pixazo_simulator.spec import points, rows

from .asked import BASE, Asked, Shown
from .events import MOST_LINES, clock_text
from .har import har
from .snippets import SAMPLES, sample_of, snippets
from .timeline import drawn, duration

Show = Callable[[Asked], Awaitable[Shown | str]]
PAGE_URL = "https://www.pixazo.ai/models/hailuo"
PER_PAGE = 100
"""Exchanges or deliveries in one page, and rules at either end of a script."""
MOST_MARKS = 300
"""Reads, webhooks and ledger entries that the timeline of a world shows, and instants of its past."""
SOON = 15
"""Seconds of which the page of a world says what will happen."""
_LATEST = 12
_FILTERS = ("text", "operation", "status", "rule", "request_id")
TABS = (
    ("", "Timeline"), ("/requests", "Requests"), ("/webhooks", "Webhooks"), ("/videos", "Videos"), ("/script", "Script"),
    ("/policy", "Policy"), ("/try", "Try it"),
)  # fmt: skip
_HISTORY = ("/history", "History")
"""Of a server that keeps a log."""


class Moment(msgspec.Struct, frozen=True):
    """An instant of the past, as `at` of the control routes takes it, and what happened then."""

    at: str
    instant: datetime
    what: str


async def worlds(asked: Asked) -> Shown | str:
    """The worlds of the server to choose from, and the requests that reached none of them; the page of the only one, if nothing else came."""
    found = await asked.calls.get(responses.WorldList, "worlds", limit=PER_PAGE)
    unmatched = await asked.calls.get(JournalPage, "unmatched", limit=_LATEST)
    if found.total == 1 and not unmatched.total and "all" not in asked.query:
        return f"{BASE}/worlds/{found.worlds[0].number}"
    return Shown("worlds.jinja", {"found": found, "unmatched": unmatched, "host": asked.calls.host})


async def unmatched(asked: Asked) -> Shown:
    """The requests that reached no world: what was sent, why it matched nothing, what to change."""
    number = asked.path.get("exchange")
    page = await asked.calls.get(JournalPage, "unmatched", limit=PER_PAGE, text=asked.query.get("text") or None)
    opened = await _exchange(asked, "unmatched", int(number)) if number else None
    command = curl(opened, reached_world=False) if opened else ""
    return Shown(
        "unmatched.jinja", {"page": page, "opened": opened, "command": command, "text": asked.query.get("text", "")}
    )


async def _exchange(asked: Asked, journal: str, number: int) -> Exchange:
    page = await asked.calls.get(JournalPage, journal, after=number - 1, limit=1)
    if not page.exchanges or page.exchanges[0].number != number:
        raise Refused(404, f"exchange {number} is not kept: {page.total} came, and the oldest {page.dropped} gave way")
    return page.exchanges[0]


async def _framed(asked: Asked, tab: str, template: str, at: str | None = None, **context: Any) -> Shown:
    """A page of a world: with its head, and its tabs; `at` is what was found good by a control route before."""
    # The policy and the switches of an instant nobody knows, only those after a command of the log.
    state = await asked.calls.get(responses.WorldState, "world", at=at if _position(at) is not None else None)
    then = responses.Instant.fromisoformat(at) if at and _position(at) is None else state.now
    common = {
        "here": asked.here, "number": asked.path["number"], "tab": tab, "tabs": (*TABS, _HISTORY) if asked.worlds.log else TABS, "target": asked.target, "at": at, "state": state,
        "clock": clock_text(asked.shown), "is_running": asked.shown.clock.rate > 0, "seen": asked.seen, "then": then, "balance": state.balance, "duration": duration,
        "unmatched_count": asked.worlds.unmatched.total, "worlds_count": len(asked.worlds),
    }  # fmt: skip
    return Shown(template, common | context)


async def world(asked: Asked) -> Shown:
    """What happened in a world, what will happen next, and what it cost; now, or at a moment of the past."""
    moments = await _moments(asked)
    back = _back(asked.query.get("moment"), len(moments))
    at = moments[-1 - back].at if back else asked.query.get("at") or None
    generations = await asked.calls.get(responses.GenerationPage, "generations", limit=MOST_LINES, at=at)
    deliveries = await asked.calls.get(responses.DeliveryPage, "deliveries", limit=MOST_MARKS, at=at)
    ledger = await asked.calls.get(responses.LedgerPage, "ledger", limit=MOST_MARKS, at=at)
    reads = await asked.calls.get(JournalPage, "journal", limit=MOST_MARKS, operation="status", at=at)
    latest = await asked.calls.get(JournalPage, "journal", limit=_LATEST, at=at)
    upcoming = None if at else await asked.calls.get(responses.Upcoming, "upcoming", seconds=SOON)
    clock = await asked.calls.get(ClockState, "clock")
    shown = await _framed(
        asked, "", "world.jinja", at, moments=moments, back=back, generations=generations, deliveries=deliveries, ledger=ledger,
        latest=latest, upcoming=upcoming, soon=SOON, next_webhook=clock.next_webhook_at, position=_position(at),
    )  # fmt: skip
    shown.context["balance"] = ledger.balance
    shown.context["drawing"] = drawn(
        generations.generations, reads.exchanges, deliveries.deliveries, ledger.entries, shown.context["then"]
    )
    return shown


def _back(text: str | None, count: int) -> int:
    """How many moments before the present one is asked for: 0 is now."""
    try:
        return max(0, min(-int(text or 0), count - 1))
    except ValueError:
        return 0


def _position(at: str | None) -> int | None:
    """The position of the log that is meant, None for an instant or for now."""
    return int(at) if at and re.fullmatch("[0-9]{1,15}", at) else None


async def _moments(asked: Asked) -> list[Moment]:
    """The instants at which something happened in the world, oldest first, and the present one."""
    now = (await asked.calls.get(ClockState, "clock")).now
    found = dict[datetime, str]()
    for exchange in (await asked.calls.get(JournalPage, "journal", limit=MOST_MARKS)).exchanges:
        found[exchange.at] = f"{exchange.method} {exchange.operation or exchange.path}: {exchange.status}"
    for each in (await asked.calls.get(responses.GenerationPage, "generations", limit=MOST_LINES)).generations:
        found.setdefault(each.since, f"…{each.request_id[-6:]} is {each.status}")
    for delivery in (await asked.calls.get(responses.DeliveryPage, "deliveries", limit=MOST_MARKS)).deliveries:
        for attempt in delivery.attempts:
            found.setdefault(attempt.at, f"webhook {delivery.number}: {attempt}")
    past = sorted(item for item in found.items() if item[0] <= now)
    return [*(Moment(str(at), at, what) for at, what in past), Moment(str(now), now, "now")]


async def history(asked: Asked) -> Shown:
    """Every command of the log that changed the world, each with the world as it was after it."""
    found = await asked.calls.get(responses.History, "world/history", limit=1000)
    return await _framed(asked, "/history", "history.jinja", found=found)


async def requests(asked: Asked) -> Shown:
    """The journal, newest first, with a request opened if one is named."""
    given = {name: asked.query.get(name) or None for name in _FILTERS}
    before = asked.query.get("before") or None
    page = await asked.calls.get(JournalPage, "journal", limit=PER_PAGE, before=before, **given)
    exchanges = page.exchanges[::-1]
    older = (
        urlencode({name: value for name, value in given.items() if value} | {"before": exchanges[-1].number})
        if len(exchanges) == PER_PAGE
        else ""
    )
    number = asked.path.get("exchange")
    opened = await _opened(asked, int(number)) if number else {}
    kept = urlencode({name: value for name, value in asked.query.items() if value and name != "explain"})
    return await _framed(
        asked, "/requests", "requests.jinja", page=page, exchanges=exchanges, given=given, before=before, older=older, kept=kept,
        opened=opened, har=urlencode({name: value for name, value in given.items() if value}),
    )  # fmt: skip


async def _opened(asked: Asked, number: int) -> dict[str, Any]:
    """One request: what was sent and answered, why, what it cost, and what would happen to it now."""
    exchange = await _exchange(asked, "journal", number)
    explanation = problem = None
    try:
        explanation = await _explained(asked, exchange)
    except Refused as refused:
        problem = str(refused)
    ledger = await asked.calls.get(responses.LedgerPage, "ledger")
    money = [each for each in ledger.entries if exchange.request_id and each.request_id == exchange.request_id]
    return {
        "exchange": exchange, "command": curl(exchange), "explanation": explanation, "problem": problem, "money": money,
        "asks_now": "explain" in asked.query,
    }  # fmt: skip


async def _explained(asked: Asked, exchange: Exchange) -> Explanation:
    """What would happen to the same request now."""
    sent = exchange.request
    left_out = {"content-length", "host", "transfer-encoding", "ocp-apim-subscription-key"}
    body = {"body": sent.body} if sent.length else {}
    asked_for = {
        "method": exchange.method, "path": exchange.target,
        "headers": {name: value for name, value in sent.headers.items() if name not in left_out}, **body,
    }  # fmt: skip
    return responses.decode(await asked.calls.send("POST", "explain", asked_for), Explanation)


async def as_har(asked: Asked) -> dict[str, Any]:
    """The journal, or what of it passes the filters, as HAR."""
    given = {name: asked.query.get(name) or None for name in _FILTERS}
    page = await asked.calls.get(JournalPage, "journal", limit=1000, **given)
    return har(page.exchanges, f"http://{asked.calls.host}")


async def webhooks(asked: Asked) -> Shown:
    """The webhooks, newest first, with what was sent of the one that is named."""
    page = await asked.calls.get(responses.DeliveryPage, "deliveries", limit=PER_PAGE)
    number = asked.path.get("delivery")
    opened = await asked.calls.get(responses.DeliveryDetail, f"deliveries/{number}") if number else None
    return await _framed(
        asked, "/webhooks", "webhooks.jinja", page=page, deliveries=page.deliveries[::-1], opened=opened,
        receiver=f"http://{asked.calls.host}{BASE}/receiver",
    )  # fmt: skip


async def videos(asked: Asked) -> Shown:
    """The videos of the latest completed generations, with what the gateway says of each."""
    page = await asked.calls.get(responses.GenerationPage, "generations", limit=MOST_LINES)
    shown = list[dict[str, Any]]()
    for each in reversed(page.generations):
        if each.status == "COMPLETED":
            answer = await asked.calls.get(responses.StatusAnswer, "status", request_id=each.request_id)
            shown.append({"generation": each, "answer": answer, **_media(asked, each.request_id)})
    return await _framed(asked, "/videos", "videos.jinja", page=page, shown=shown[:12])


def _media(asked: Asked, request_id: str) -> dict[str, str]:
    """What the media host says of a video, picture or sound."""
    generation = asked.shown.generation_of(request_id)
    if generation is None:
        return {}
    answer = serve_media(generation, asked.worlds.videos, "GET", (), asked.shown.policy)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return {"etag": headers["etag"], "size": str(len(answer.body)), "kind": generation.output}


async def script(asked: Asked) -> Shown:
    """The rules with their use, and every fault with an example."""
    state = await asked.calls.get(responses.ScriptState, "script")
    faults = [
        (kind, (FAULTS[kind].__doc__ or "").split("\n")[0], _json(EXAMPLES[kind]), in_python(EXAMPLES[kind]))
        for kind in FAULTS
    ]
    listed = state.rules if len(state.rules) <= 2 * PER_PAGE else [*state.rules[:PER_PAGE], *state.rules[-PER_PAGE:]]
    rules = [(each, json.dumps(each.rule, indent=2, ensure_ascii=False)) for each in listed]
    return await _framed(
        asked,
        "/script",
        "script.jinja",
        rules=rules,
        total=len(state.rules),
        faults=faults,
        example=_json(EXAMPLES["delay"]),
    )


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


async def policy(asked: Asked) -> Shown:
    """Every point that the page leaves open: its value here, how we know it, what the page says."""
    listed = rows()
    decisions = asked.shown.policy.decisions(each.field for each in listed)
    shown = [
        {"row": row, "decision": decision, "quotes": _quotations().get(row.field, []), "choices": _choices(row.field)}
        for row, decision in zip(listed, decisions, strict=True)
    ]
    return await _framed(asked, "/policy", "policy.jinja", rows=shown, page_url=PAGE_URL)


def _choices(field: str) -> list[str] | None:
    """The values of a field if there are a few, an empty list where it takes any text, None where nothing can set it."""
    if field not in points():
        return None
    forms = points()[field].forms.split(" | ")
    return forms if len(forms) > 1 and all(each == each.lower() for each in forms) else []


@cache
def _quotations() -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = json.loads(
        files("pixazo_simulator.console").joinpath("quotations.json").read_bytes()
    )
    return found


async def try_it(asked: Asked) -> Shown:
    """A form for every operation, filled with the example of the page, or with what it requires."""
    known = asked.worlds.operations
    operation = asked.query.get("operation", "")
    operation = operation if operation in known else next(iter(known))
    path, body = SAMPLES.get(operation) or sample_of(known[operation])
    text = _json(body)
    return await _framed(
        asked, "/try", "try.jinja", operation=operation, operations=[*known], path=path, body=text,
        receiver=f"http://{asked.calls.host}{BASE}/receiver",
        codes=snippets("POST", path, {"Content-Type": "application/json"}, text),
    )  # fmt: skip


PAGES: Mapping[str, Show] = {
    "": worlds,
    "/": worlds,
    "/unmatched": unmatched,
    "/unmatched/{exchange:int}": unmatched,
    "/worlds/{number:int}": world,
    "/worlds/{number:int}/requests": requests,
    "/worlds/{number:int}/requests/{exchange:int}": requests,
    "/worlds/{number:int}/webhooks": webhooks,
    "/worlds/{number:int}/webhooks/{delivery:int}": webhooks,
    "/worlds/{number:int}/videos": videos,
    "/worlds/{number:int}/script": script,
    "/worlds/{number:int}/policy": policy,
    "/worlds/{number:int}/try": try_it,
    "/worlds/{number:int}/history": history,
}
"""Path below the console -> the page."""
