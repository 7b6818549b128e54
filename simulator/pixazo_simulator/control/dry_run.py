"""Runs a request on a copy of its world: what would be answered, and why, while nothing changes."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.types import Message, Receive, Scope

from pixazo_simulator.gateway import STRIKES, Front
from pixazo_simulator.script import Occasion
from pixazo_simulator.spec import Header, MediaRead, StatusRead, Submit, classify
from pixazo_simulator.webhooks import Courier, Outcome, Parcel
from pixazo_simulator.world import EntryKind, Generation, Twins, World, Worlds, at_download, at_read, at_submit

from .schema import rendering
from .schema.responses import Explanation


async def dry_run(worlds: Worlds, method: str, target: str, headers: list[Header], body: bytes) -> Explanation:
    """Explain what the gateway would do with a request by running it on copies of these worlds; nothing is sent.

    Faults are reported, not injected; webhooks are not posted; the edits of a mutant are left out.
    """
    twins = Twins(worlds)
    scope = _scope(method, target, headers)
    await Front(twins, Courier(twins, _post))(scope, _receiver(body), _send)
    for twin in twins.touched():
        real = worlds.get(twin.key)
        if twin.journal.total > (real.journal.total if real else 0):
            return _explained(twin, real, scope, body)
    (*_, exchange) = twins.unmatched
    return rendering.explanation(twins, exchange)


def _scope(method: str, target: str, headers: list[Header]) -> Scope:
    path, _, query = target.partition("?")
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "method": method,
        "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": headers, STRIKES: [],
    }  # fmt: skip


def _receiver(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _send(_: Message) -> None:
    """Drop the response; it is read from the journal."""


async def _post(_: Parcel) -> Outcome:
    return Outcome(None, "not posted: nothing is sent while a request is explained", final=True)


def _explained(twin: World, real: World | None, scope: Scope, body: bytes) -> Explanation:
    (*_, exchange) = twin.journal
    occasion = _occasion(twin, scope, body)
    accepted = twin.generation_of(exchange.request_id) if exchange.request_id else None
    is_new = accepted is not None and not (real and real.generation_of(accepted.request_id))
    return rendering.explanation(
        twin,
        exchange,
        # The real script is asked: that of the copy has counted this request already.
        real.script.diagnose(occasion) if real and occasion else [],
        rendering.generation(twin, accepted) if accepted else None,
        _debited(twin, accepted) if accepted and is_new else None,
        [rendering.delivery(twin, each) for each in twin.outbox.deliveries(real.outbox.latest if real else 0)],
    )


def _occasion(world: World, scope: Scope, body: bytes) -> Occasion | None:
    """What the rules were asked about, None where they are not asked."""
    headers = scope["headers"]
    match classify(scope["method"], scope["path"]):
        case Submit() as endpoint:
            return at_submit(endpoint.name, headers, body)
        case StatusRead(request_id=request_id):
            return at_read(request_id, world.known(request_id), headers)
        case MediaRead(request_id=request_id):
            return at_download(request_id, world.known(request_id), scope["method"], headers)
        case _:
            return None


def _debited(twin: World, generation: Generation) -> int:
    """What was debited for a generation, in millionths of a dollar."""
    entries = twin.standing.ledger.entries(twin.clock.now())
    return -sum(
        each.amount for each in entries if each.request_id == generation.request_id and each.kind is EntryKind.DEBIT
    )
