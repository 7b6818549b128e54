"""A gateway that differs from the faithful one, and the edits that make it differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from pixazo_simulator.spec import Policy
from pixazo_simulator.webhooks import WebhookRequest
from pixazo_simulator.world import Settings

from .context import Context
from .messages import Reply, Request

RequestEditor = Callable[[Request, Context], Request | Reply]
"""Returns the request that the gateway receives instead; a reply is sent without asking the gateway."""
ReplyEditor = Callable[[Request, Reply, Context], Reply]
"""Returns the reply that is sent instead, to the request as the caller sent it."""
CallbackEditor = Callable[[WebhookRequest, Context], tuple[WebhookRequest, ...]]
"""Returns what is delivered instead of a webhook: nothing, one webhook, or several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """What is changed: messages on their way to and from the gateway, policy values, pure functions of a world.

    `names` asks for a server that minds the letter case of header names: those that it reads, or those that it writes.
    """

    request: RequestEditor = lambda request, _: request
    reply: ReplyEditor = lambda _, reply, __: reply
    callback: CallbackEditor = lambda webhook, _: (webhook,)
    policy: Callable[[Policy], Policy] = lambda policy: policy
    behaviour: Mapping[str, Callable[..., Any]] = field(default_factory=dict[str, Callable[..., Any]])
    names: Literal["any case", "as spelled", "title case"] = "any case"

    def __or__(self, other: Edits) -> Edits:
        """Both, one after the other."""

        def request(request: Request, context: Context) -> Request | Reply:
            edited = self.request(request, context)
            return edited if isinstance(edited, Reply) else other.request(edited, context)

        return Edits(
            request=request,
            reply=lambda request, reply, context: other.reply(request, self.reply(request, reply, context), context),
            callback=lambda webhook, context: tuple(
                last for first in self.callback(webhook, context) for last in other.callback(first, context)
            ),
            policy=lambda policy: other.policy(self.policy(policy)),
            behaviour={**self.behaviour, **other.behaviour},
            names=self.names if other.names == "any case" else other.names,
        )

    def settings(self, settings: Settings) -> Settings:
        """The settings of a server with these edits in every one of its worlds."""
        behaviour = msgspec.structs.replace(settings.behaviour, govern=self.policy, **self.behaviour)
        return msgspec.structs.replace(settings, policy=self.policy(settings.policy), behaviour=behaviour)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A gateway that is wrong in one respect.

    `clause` is the id of the clause that it breaks; `collateral` are globs of the ids of clauses that necessarily fall with it.
    """

    name: str
    clause: str
    sentence: str
    edits: Edits
    collateral: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """A gateway that differs in a way that the page allows."""

    name: str
    sentence: str
    edits: Edits
