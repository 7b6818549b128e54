"""The pages of the console: each reads what it shows through control routes, and names the template that shows it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import JSONResponse, RedirectResponse, Response

from pixazo_html.serving import HEADERS
from pixazo_simulator.control import Exchange, Explanation, JournalPage, Refused, curl, position_of, responses
from pixazo_simulator.gateway import serve_media
from pixazo_simulator.script import EXAMPLES, FAULTS, in_python
from pixazo_simulator.spec import points, rows

from .exports import har, sample_of, snippets
from .request import BASE, MOST_LINES, ConsoleRequest, View, clock_text
from .timeline import draw, duration

Page = Callable[[ConsoleRequest], Awaitable[View | Response]]
PAGE_URL = "https://www.pixazo.ai/models/hailuo"
PER_PAGE = 100
"""Exchanges or deliveries on one page, and rules shown at either end of a script."""
MOST_MARKS = 300
"""Reads, webhooks and ledger entries that the timeline of a world shows, and instants of its past."""
SOON = 15
"""Seconds that the page of a world looks ahead."""
_LATEST = 12
"""Exchanges on the page of a world, unmatched requests on that of all worlds, and videos."""
_FILTERS = ("text", "operation", "status", "rule", "request_id")
TABS = (
    ("", "Timeline"), ("/requests", "Requests"), ("/webhooks", "Webhooks"), ("/videos", "Videos"), ("/script", "Script"),
    ("/policy", "Policy"), ("/try", "Try it"),
)  # fmt: skip
_HISTORY = ("/history", "History")
"""The tab of a server that keeps a log."""


async def worlds(request: ConsoleRequest) -> View | Response:
    """The worlds to choose from, and the requests that reached none of them; the page of the only world if there is no more."""
    found = await request.get(responses.WorldList, "worlds", limit=PER_PAGE)
    unmatched = await request.get(JournalPage, "unmatched", limit=_LATEST)
    if found.total == 1 and not unmatched.total and "all" not in request.query:
        return RedirectResponse(f"{BASE}/worlds/{found.worlds[0].number}", 303, headers=HEADERS)
    return View("worlds.jinja", {"found": found, "unmatched": unmatched, "host": request.host})


async def unmatched(request: ConsoleRequest) -> View:
    """The requests that reached no world: what was sent, why it matched nothing, what to change."""
    number = request.path.get("exchange")
    page = await request.get(JournalPage, "unmatched", limit=PER_PAGE, text=request.query.get("text") or None)
    opened = await _exchange(request, "unmatched", int(number)) if number else None
    command = curl(opened, reached_world=False) if opened else ""
    return View(
        "unmatched.jinja", {"page": page, "opened": opened, "command": command, "text": request.query.get("text", "")}
    )


async def _exchange(request: ConsoleRequest, journal: str, number: int) -> Exchange:
    page = await request.get(JournalPage, journal, after=number - 1, limit=1)
    if not page.exchanges or page.exchanges[0].number != number:
        raise Refused(404, f"exchange {number} is not kept: of {page.total}, the oldest {page.dropped} were dropped")
    return page.exchanges[0]


async def _world_page(request: ConsoleRequest, tab: str, template: str, at: str | None = None, **context: Any) -> View:
    """A page of a world, with its head and tabs; `at` is a value that a control route has accepted before."""
    # The route `world` takes positions of the log only: the policy and the switches at an instant are not recorded.
    state = await request.get(responses.WorldState, "world", at=at if position_of(at) is not None else None)
    then = responses.instant(request.shown_world.clock.past(at)) if at and position_of(at) is None else state.now
    common = {
        "here": request.here, "number": request.path["number"], "tab": tab, "tabs": (*TABS, _HISTORY) if request.worlds.log else TABS, "target": request.target, "at": at, "state": state,
        "clock": clock_text(request.shown_world), "is_running": request.shown_world.clock.rate > 0, "checksum": request.checksum, "then": then, "balance": state.balance, "duration": duration,
        "unmatched_count": request.worlds.unmatched.total, "worlds_count": len(request.worlds),
    }  # fmt: skip
    return View(template, common | context)


async def world(request: ConsoleRequest) -> View:
    """What happened in a world, what will happen next, and what it cost; now, or at a moment in the past."""
    clock = await request.get(responses.ClockState, "clock")
    moments = await _moments(request, clock.now)
    back = _back(request.query.get("moment"), len(moments))
    at = str(moments[-1 - back][0]) if back else request.query.get("at") or None
    generations = await request.get(responses.GenerationPage, "generations", limit=MOST_LINES, at=at)
    deliveries = await request.get(responses.DeliveryPage, "deliveries", limit=MOST_MARKS, at=at)
    ledger = await request.get(responses.LedgerPage, "ledger", limit=MOST_MARKS, at=at)
    reads = await request.get(JournalPage, "journal", limit=MOST_MARKS, operation="status", at=at)
    latest = await request.get(JournalPage, "journal", limit=_LATEST, at=at)
    upcoming = None if at else await request.get(responses.Upcoming, "upcoming", seconds=SOON)
    shown = await _world_page(
        request, "", "world.jinja", at, moments=moments, back=back, generations=generations, deliveries=deliveries, ledger=ledger,
        latest=latest, upcoming=upcoming, soon=SOON, next_webhook=clock.next_webhook_at, position=position_of(at),
    )  # fmt: skip
    shown.context["balance"] = ledger.balance
    shown.context["drawing"] = draw(
        generations.generations, reads.exchanges, deliveries.deliveries, ledger.entries, shown.context["then"]
    )
    return shown


def _back(text: str | None, count: int) -> int:
    """The number of moments between the requested one and now."""
    try:
        return max(0, min(-int(text or 0), count - 1))
    except ValueError:
        return 0


async def _moments(request: ConsoleRequest, now: datetime) -> list[tuple[datetime, str]]:
    """The instants at which something happened in the world, oldest first, and the present one, with what it was."""
    found = dict[datetime, str]()
    for exchange in (await request.get(JournalPage, "journal", limit=MOST_MARKS)).exchanges:
        found[exchange.at] = f"{exchange.method} {exchange.operation or exchange.path}: {exchange.status}"
    for each in (await request.get(responses.GenerationPage, "generations", limit=MOST_LINES)).generations:
        found.setdefault(each.since, f"…{each.request_id[-6:]} is {each.status}")
    for delivery in (await request.get(responses.DeliveryPage, "deliveries", limit=MOST_MARKS)).deliveries:
        for attempt in delivery.attempts:
            found.setdefault(attempt.at, f"webhook {delivery.number}: {attempt}")
    return [*sorted(item for item in found.items() if item[0] <= now), (now, "now")]


async def history(request: ConsoleRequest) -> View:
    """Every command of the log that changed the world, each with the world as it was after it."""
    found = await request.get(responses.History, "world/history", limit=1000)
    return await _world_page(request, "/history", "history.jinja", found=found)


async def requests(request: ConsoleRequest) -> View:
    """The journal, newest first, with a request opened if one is named."""
    given, before = _filters(request), request.query.get("before") or None
    page = await request.get(JournalPage, "journal", limit=PER_PAGE, before=before, **given)
    exchanges = page.exchanges[::-1]
    older = urlencode(given | {"before": str(exchanges[-1].number)}) if len(exchanges) == PER_PAGE else ""
    number = request.path.get("exchange")
    opened = await _opened(request, int(number)) if number else {}
    kept = urlencode({name: value for name, value in request.query.items() if value and name != "explain"})
    return await _world_page(
        request, "/requests", "requests.jinja", page=page, exchanges=exchanges, given=given, before=before, older=older, kept=kept,
        opened=opened, har=urlencode(given),
    )  # fmt: skip


def _filters(request: ConsoleRequest) -> dict[str, str]:
    return {name: value for name in _FILTERS if (value := request.query.get(name))}


async def _opened(request: ConsoleRequest, number: int) -> dict[str, Any]:
    """One request: what was sent, the response and its reason, what it cost, and what would happen to it now."""
    exchange = await _exchange(request, "journal", number)
    explanation = problem = None
    try:
        explanation = await _explained(request, exchange)
    except Refused as refused:
        problem = str(refused)
    ledger = await request.get(responses.LedgerPage, "ledger")
    money = [each for each in ledger.entries if exchange.request_id and each.request_id == exchange.request_id]
    return {
        "exchange": exchange, "command": curl(exchange), "explanation": explanation, "problem": problem, "money": money,
        "asks_now": "explain" in request.query,
    }  # fmt: skip


async def _explained(request: ConsoleRequest, exchange: Exchange) -> Explanation:
    sent = exchange.request
    left_out = {"content-length", "host", "transfer-encoding", "ocp-apim-subscription-key"}
    body = {"body": sent.body} if sent.length else {}
    repeated = {
        "method": exchange.method, "path": exchange.target,
        "headers": {name: value for name, value in sent.headers.items() if name not in left_out}, **body,
    }  # fmt: skip
    return await request.send(Explanation, "POST", "explain", repeated)


async def as_har(request: ConsoleRequest) -> Response:
    """The exchanges of the journal that pass the filters, as HAR."""
    page = await request.get(JournalPage, "journal", limit=1000, **_filters(request))
    document = har(page.exchanges, f"{request.worlds.settings.scheme}://{request.host}")
    file = f'attachment; filename="world-{request.path["number"]}.har"'
    return JSONResponse(document, headers=HEADERS | {"content-disposition": file})


async def webhooks(request: ConsoleRequest) -> View:
    """The webhooks, newest first, with what was sent for the one that is named."""
    page = await request.get(responses.DeliveryPage, "deliveries", limit=PER_PAGE)
    number = request.path.get("delivery")
    opened = await request.get(responses.DeliveryDetail, f"deliveries/{number}") if number else None
    return await _world_page(
        request, "/webhooks", "webhooks.jinja", page=page, deliveries=page.deliveries[::-1], opened=opened,
        receiver=f"{request.worlds.settings.scheme}://{request.host}{BASE}/receiver",
    )  # fmt: skip


async def videos(request: ConsoleRequest) -> View:
    """The videos of the latest completed generations, with what the gateway says about each."""
    page = await request.get(responses.GenerationPage, "generations", limit=MOST_LINES)
    shown = list[dict[str, Any]]()
    completed = [each for each in reversed(page.generations) if each.status == "COMPLETED"]
    for each in completed[:_LATEST]:
        answer = await request.get(responses.StatusAnswer, "status", request_id=each.request_id)
        shown.append({"generation": each, "answer": answer, **_media(request, each.request_id)})
    return await _world_page(request, "/videos", "videos.jinja", page=page, shown=shown)


def _media(request: ConsoleRequest, request_id: str) -> dict[str, str]:
    """ETag, size and kind of a video, picture or sound, as the media host serves it."""
    generation = request.shown_world.generation_of(request_id)
    if generation is None:
        return {}
    answer = serve_media(generation, request.worlds.videos, "GET", (), request.shown_world.policy)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return {"etag": headers["etag"], "size": str(len(answer.body)), "kind": generation.output}


async def script(request: ConsoleRequest) -> View:
    """The rules with their use, and every fault with an example."""
    state = await request.get(responses.ScriptState, "script")
    faults = [
        (kind, (FAULTS[kind].__doc__ or "").split("\n")[0], _json(EXAMPLES[kind]), in_python(EXAMPLES[kind]))
        for kind in FAULTS
    ]
    listed = state.rules if len(state.rules) <= 2 * PER_PAGE else [*state.rules[:PER_PAGE], *state.rules[-PER_PAGE:]]
    return await _world_page(
        request, "/script", "script.jinja", rules=listed, total=len(state.rules), faults=faults, example=_json(EXAMPLES["delay"]),
    )  # fmt: skip


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


async def policy(request: ConsoleRequest) -> View:
    """Every point that the page leaves open: its value here, how we know it, what the page says."""
    listed = rows()
    decisions = request.shown_world.policy.decisions(each.field for each in listed)
    shown = [
        {"row": row, "decision": decision, "quotes": _quotations().get(row.field, []), "choices": _choices(row.field)}
        for row, decision in zip(listed, decisions, strict=True)
    ]
    return await _world_page(request, "/policy", "policy.jinja", rows=shown, page_url=PAGE_URL)


def _choices(field: str) -> list[str] | None:
    """The values of a field if they can be listed, an empty list where it takes any string, None where it cannot be set."""
    if field not in points():
        return None
    forms = points()[field].forms.split(" | ")
    return forms if len(forms) > 1 and all(each == each.lower() for each in forms) else []


@cache
def _quotations() -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = json.loads(
        files("pixazo_simulator.server.console").joinpath("quotations.json").read_bytes()
    )
    return found


async def try_it(request: ConsoleRequest) -> View:
    """A form for every operation, filled in with the example of the page, or with what it requires."""
    known = request.worlds.operations
    operation = request.query.get("operation", "")
    operation = operation if operation in known else next(iter(known))
    path, text = known[operation].path, _json(sample_of(known[operation]))
    return await _world_page(
        request, "/try", "try.jinja", operation=operation, operations=[*known], path=path, body=text,
        receiver=f"{request.worlds.settings.scheme}://{request.host}{BASE}/receiver",
        codes=snippets(path, text),
    )  # fmt: skip


PAGES: Mapping[str, Page] = {
    "": worlds,
    "/": worlds,
    "/unmatched": unmatched,
    "/unmatched/{exchange:number}": unmatched,
    "/worlds/{number:number}": world,
    "/worlds/{number:number}/requests": requests,
    "/worlds/{number:number}/requests/{exchange:number}": requests,
    "/worlds/{number:number}/requests.har": as_har,
    "/worlds/{number:number}/webhooks": webhooks,
    "/worlds/{number:number}/webhooks/{delivery:number}": webhooks,
    "/worlds/{number:number}/videos": videos,
    "/worlds/{number:number}/script": script,
    "/worlds/{number:number}/policy": policy,
    "/worlds/{number:number}/try": try_it,
    "/worlds/{number:number}/history": history,
}
"""Path below the console -> the page."""
