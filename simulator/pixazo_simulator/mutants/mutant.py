"""A gateway that differs from the faithful one, and the seams at which it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from pixazo_simulator.spec import Policy
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Settings

from .context import Scene
from .messages import Reply, Request

RequestEditor = Callable[[Request, Scene], Request | Reply]
"""What the gateway hears instead of what was said; a reply is answered without the gateway hearing anything."""
ReplyEditor = Callable[[Request, Reply, Scene], Reply]
"""What is answered instead, to the request as the caller sent it."""
CallbackEditor = Callable[[WebhookRequest, Scene], tuple[WebhookRequest, ...]]
"""What is posted instead of a callback: nothing, one webhook, or several."""


def _same_request(request: Request, _: Scene) -> Request | Reply:
    return request


def _same_reply(_: Request, reply: Reply, __: Scene) -> Reply:
    return reply


def _same_callback(webhook: WebhookRequest, _: Scene) -> tuple[WebhookRequest, ...]:
    return (webhook,)


def _same_policy(policy: Policy) -> Policy:
    return policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What is changed at each seam: editors round the gateway, policy values, pure functions of `Workings`.

    `names` asks for a server that minds the letter case of header names: those it reads, or those it writes.
    """

    request: RequestEditor = _same_request
    reply: ReplyEditor = _same_reply
    callback: CallbackEditor = _same_callback
    policy: Callable[[Policy], Policy] = _same_policy
    workings: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    names: Literal["any case", "as spelled", "title case"] = "any case"

    def __or__(self, other: Edits) -> Edits:
        """Both, one after the other."""

        def request(request: Request, scene: Scene) -> Request | Reply:
            heard = self.request(request, scene)
            return heard if isinstance(heard, Reply) else other.request(heard, scene)

        def reply(request: Request, reply: Reply, scene: Scene) -> Reply:
            return other.reply(request, self.reply(request, reply, scene), scene)

        def callback(webhook: WebhookRequest, scene: Scene) -> tuple[WebhookRequest, ...]:
            return tuple(last for first in self.callback(webhook, scene) for last in other.callback(first, scene))

        def policy(policy: Policy) -> Policy:
            return other.policy(self.policy(policy))

        return Edits(
            request=request,
            reply=reply,
            callback=callback,
            policy=policy,
            workings={**self.workings, **other.workings},
            names=self.names if other.names == "any case" else other.names,
        )

    def settings(self, settings: Settings) -> Settings:
        """The settings of a server that is changed so, in every one of its worlds."""
        behaviour = msgspec.structs.replace(settings.behaviour, govern=self.policy, **self.workings)
        return msgspec.structs.replace(settings, policy=self.policy(settings.policy), behaviour=behaviour)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A gateway that is wrong in one respect.

    `clause` is the id of the clause that it breaks; `collateral` are globs of the ids of clauses that necessarily suffer with it.
    """

    name: str
    clause: str
    says: str
    edits: Edits
    collateral: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """A gateway that differs in a way that the page allows."""

    name: str
    says: str
    edits: Edits
