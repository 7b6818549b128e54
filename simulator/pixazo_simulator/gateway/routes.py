"""The documented routes: bytes in, world, bytes out."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from urllib.parse import parse_qs, quote

from msgspec import structs
from starlette.types import Receive, Scope, Send

from pixazo_simulator.script import Decision, Occasion, canned_answer
from pixazo_simulator.spec import (
    MODEL_ID,
    OPERATIONS,
    QUERY_KEY,
    SMALL_BODY,
    STATUS_PATH,
    SUBMIT_PATHS,
    Answer,
    InvalidKey,
    MissingKey,
    Operation,
    Policy,
    Refusal,
    TooManyBodies,
    UnknownRequest,
    UnknownRoute,
    accepted_answer,
    decode,
    refusal_answer,
)
from pixazo_simulator.webhooks import Dispatcher
from pixazo_simulator.world import Admission, Call, Generation, World, Worlds, at_read, at_submit

from .fault_injection import holding
from .hints import hint
from .request import MOST_HELD, CrowdedError, DisconnectedError, Incoming, Turns, incoming
from .responder import Replies, target_of

_FOREIGN_MODEL = re.compile(r"/([a-z0-9]+(?:-[a-z0-9]+)*)/v1/(\w+)")

log = logging.getLogger("pixazo_simulator")


class Gateway:
    """The gateway as an ASGI application; the dispatcher is told when a callback may have become due."""

    def __init__(self, worlds: Worlds, replies: Replies, dispatcher: Dispatcher, turns: Turns | None = None) -> None:
        self._turns = turns or Turns()
        self._worlds = worlds
        self._replies = replies
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Never raises for anything a caller sends."""
        path, method = scope["path"], scope["method"]
        asked = incoming(scope, receive, send)
        if method == "GET" and path.startswith(STATUS_PATH):
            await self._read(asked, path[len(STATUS_PATH) :])
        elif method == "POST" and path in SUBMIT_PATHS:
            await self._submit(asked, SUBMIT_PATHS[path], MODEL_ID)
        elif (
            method == "POST"
            and (model := _FOREIGN_MODEL.fullmatch(path))
            and model[2] in OPERATIONS
            and model[1] != MODEL_ID
            and self._caller(asked)
        ):
            # Only a known caller learns that the model is the trouble; to anybody else it is an unknown route.
            await self._submit(asked, OPERATIONS[model[2]], model[1])
        else:
            allow = "POST" if path in SUBMIT_PATHS else "GET" if path.startswith(STATUS_PATH) else None
            world = self._caller(asked)
            with suppress(DisconnectedError):  # the body is for the journal only
                await asked.read_body(self._policy(asked, world).body_limit, self._kept)
            await self._refuse(asked, world, UnknownRoute(allow))

    @property
    def _kept(self) -> int:
        """Bytes that are kept of a body that is for the journal only."""
        return self._worlds.settings.bounds.journal.body

    def _caller(self, asked: Incoming) -> World | None:
        """The world of the caller, by the key header, or by the query where the policy allows that (AUTH-06)."""
        if asked.key:
            return self._worlds.find(asked.key)
        query = asked.scope["query_string"]
        if not query:
            return None
        given = parse_qs(query.decode("latin-1"), max_num_fields=None).get(QUERY_KEY, [""])[0]
        world = self._worlds.find(given)
        if world is None or world.policy.query_key == "refuse":
            return None
        asked.key = given
        return world

    async def _read(self, asked: Incoming, request_id: str) -> None:
        world = self._caller(asked)
        if world is None:
            await self._refuse(asked, None, InvalidKey() if asked.key else MissingKey())
            return
        decision = None
        if world.script:
            occasion = at_read(request_id, world.known(request_id), asked.scope["headers"])
            decision = world.script.decide(occasion)
            if decision and (answer := self._instead(asked, world, occasion, decision)):
                await self._replies.give(asked, world, answer, request_id, decision)
                return
        refusal = world.admit_read()
        found = refusal or world.generation(request_id)
        if isinstance(found, UnknownRequest) and world.policy.unknown_id == "403_foreign":
            found = UnknownRequest(request_id, foreign=self._is_foreign(request_id))
        if not isinstance(found, Generation):
            await self._refuse(asked, world, found, request_id, decision)
            return
        answer = Answer(200, world.status_answer(found, asked.origin(world.policy)), reason="status")
        await self._replies.give(asked, world, answer, request_id, decision)

    def _is_foreign(self, request_id: str) -> bool:
        owner = self._worlds.holder(request_id)
        return owner is not None and isinstance(owner.generation(request_id), Generation)

    async def _submit(self, asked: Incoming, operation: Operation, model_id: str) -> None:
        world = self._caller(asked)
        try:
            await self._submitted(asked, world, operation, model_id)
        except DisconnectedError:
            return
        except CrowdedError:
            await self._refuse(asked, world, TooManyBodies(MOST_HELD))
        finally:
            self._turns.held -= asked.held

    async def _submitted(self, asked: Incoming, world: World | None, operation: Operation, model_id: str) -> None:
        policy = self._policy(asked, world)
        order = policy.check_order
        # A stranger is refused whatever the body is, unless the policy has it judged first.
        unread = world is None and order.index("key") < order.index("json")
        keep, turns = (self._kept, None) if unread else (None, self._turns)
        body = await asked.read_body(policy.body_limit, keep, turns)
        call = Call(
            operation, asked.key, body, asked.content_type, asked.origin(policy), model_id,
            asked.webhook_url, asked.webhook_mode,
        )  # fmt: skip
        if world is None:
            async with self._turns.turn(len(asked.body)):
                refusal = Admission(call, None, policy, 0).refusal()
            await self._refuse(asked, None, refusal or InvalidKey())
            return
        decision: Decision | None = None
        outcome: Answer | Generation | Refusal | None = None
        async with self._turns.turn(len(asked.body)) as pause:
            if world.script and model_id == MODEL_ID:
                occasion = at_submit(operation.name, asked.scope["headers"], body)
                decision = world.script.decide(occasion)
                outcome = self._instead(asked, world, occasion, decision) if decision else None
                await pause()
            if outcome is None:
                if len(asked.body) > SMALL_BODY:
                    call = structs.replace(call, read=decode(asked.body, operation))
                    await pause()
                outcome = world.submit(call, decision.step if decision else None)
        if isinstance(outcome, Answer):
            await self._replies.give(asked, world, outcome, None, decision)
            return
        if not isinstance(outcome, Generation):
            await self._refuse(asked, world, outcome, None, _unless_idle(world, decision))
            return
        if world.script and (instant := world.before_reply(outcome)) is not None:
            with holding(asked.scope):
                await self._dispatcher.reach(world, instant)
        if world.next_due() is not None:
            self._dispatcher.wake()
        answer = accepted_answer(outcome.request_id, call.origin, policy)
        if ignored := Admission(call, world.standing, policy, 0).ignored():
            answer = structs.replace(answer, reason="; ".join((answer.reason, *ignored)))
        await self._replies.give(asked, world, answer, outcome.request_id, decision)

    def _instead(self, asked: Incoming, world: World, occasion: Occasion, decision: Decision) -> Answer | None:
        """What a rule answers in the place of the gateway, None when the gateway is to answer."""
        return canned_answer(decision.step, occasion.operation, world.policy, self._realm(asked, world.policy))

    async def _refuse(
        self,
        asked: Incoming,
        world: World | None,
        refusal: Refusal,
        request_id: str | None = None,
        decision: Decision | None = None,
    ) -> None:
        policy = self._policy(asked, world)
        method, path = asked.scope["method"], quote(asked.scope["path"])
        answer = refusal_answer(refusal, policy, self._realm(asked, policy))
        redactor = self._worlds.redactor.also(asked.key).heeding(asked.scope["headers"], target_of(asked.scope))
        meant = hint(refusal, method, redactor.text(path), asked.scope["headers"])  # which cuts it
        told = f"{path} answered {answer.status}: {answer.body.decode()}{f'; {meant}' if meant else ''}"
        log.info("%s %s", method, redactor.text(told))
        await self._replies.give(asked, world, answer, request_id, decision, meant)

    def _policy(self, asked: Incoming, world: World | None) -> Policy:
        """What holds for a caller: the policy of the world that it reached, be it by a door without a key."""
        reached = world or asked.door
        return reached.policy if reached else self._worlds.settings.policy

    def _realm(self, asked: Incoming, policy: Policy) -> str:
        """The URL that was called."""
        return f"{asked.origin(policy)}{quote(asked.scope['path'])}"


def _unless_idle(world: World, decision: Decision | None) -> Decision | None:
    """The decision about a submit that was refused, which leaves one that only plans with nothing to do."""
    if decision is None or not decision.step.only_plans:
        return decision
    world.script.give_back(decision)
    return None
