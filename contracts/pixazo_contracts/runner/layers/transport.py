"""How a request reaches the target: layers that each pass it on, from the recorder down to the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pixazo_contracts.probes import Send


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; without an answer `status` is None and `error` says why: `connect`, `timeout` or `lost`.

    `whole`: the answer said where it ends, and was read to there. `spent`: it was counted as a generation.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str | None = None
    whole: bool = True
    spent: bool = False


class Transport(Protocol):
    """One layer. A layer never raises for what the network does: that is a `Reply`."""

    def send(self, request: Send) -> Reply:
        """Send one request and wait for its answer; safe to call from several threads."""
        ...
