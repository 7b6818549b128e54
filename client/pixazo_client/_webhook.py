"""Callbacks, which anyone could have sent: no signature is documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ._errors import WebhookPayloadError
from ._models import generation_from, object_from

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ._models import Generation


def parse_unverified(payload: bytes | str | Mapping[str, object]) -> Generation:
    """What a callback claims: its body, or the decoded object. A hint, not a fact.

    Raises:
        WebhookPayloadError: it is not a status envelope.
    """
    try:
        generation = generation_from(payload if isinstance(payload, Mapping) else object_from(payload))
    except ValueError as error:
        raise WebhookPayloadError(f"the callback body {error}: ignore it, or read the status instead") from error
    if not generation.request_id.strip("."):
        raise WebhookPayloadError(f"the callback body names {generation.request_id!r}, which is no request: ignore it")
    return generation


class Webhooks:
    """Reads callbacks for a PixazoClient."""

    __slots__ = ("_retrieve",)

    def __init__(self, retrieve: Callable[[str], Generation]) -> None:
        self._retrieve = retrieve

    parse_unverified = staticmethod(parse_unverified)

    def confirm(self, payload: bytes | str | Mapping[str, object]) -> Generation:
        """The truth about the Generation that a callback names, read with our key; of its claims only the id is used.

        Raises:
            WebhookPayloadError: it is not a status envelope.
            APIError: as `retrieve`; NotFoundError if the id is not ours.
        """
        return self._retrieve(parse_unverified(payload).request_id)


class AsyncWebhooks:
    """Reads callbacks for an AsyncPixazoClient."""

    __slots__ = ("_retrieve",)

    def __init__(self, retrieve: Callable[[str], Awaitable[Generation]]) -> None:
        self._retrieve = retrieve

    parse_unverified = staticmethod(parse_unverified)

    async def confirm(self, payload: bytes | str | Mapping[str, object]) -> Generation:
        """See Webhooks.confirm."""
        return await self._retrieve(parse_unverified(payload).request_id)
