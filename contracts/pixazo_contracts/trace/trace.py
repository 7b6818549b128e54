"""A trace: everything that one run observed, as NDJSON with a header and a footer, and questions about it.

A file has one record a line, each wrapped in its kind: `{"header": {...}}`, then `{"exchange": {...}}` and
`{"callback": {...}}` as they happened, then `{"footer": {...}}`. A file without a footer is what a run left that did not
end: it is invalid, because a clause could take what is missing for what did not happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from .exchange import Callback, Exchange
from .history import Generation, History
from .target import THROTTLED, Profile


class InvalidTraceError(ValueError):
    """A trace file that cannot be judged: cut, malformed, or not a trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Which suite observed which target, and under which settings.

    `clause_set` and `profile_hash` are what two results must share to be compared. `selected` are the ids of the clauses
    that the run was made for, none for all. `key_searched`: the key is unlike any word, so that an echo is recognised.
    """

    suite: str
    clause_set: str
    profile_hash: str
    profile: Profile
    started_at: str
    seed: int = 0
    budget: int | None = None
    selected: tuple[str, ...] = ()
    receiver: str | None = None
    key_searched: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """How the run ended. `probes` says of each probe: `done`, `skipped`, `unfunded` or `error: ...`.

    `generations_spent` were counted, `generations_released` reserved and given back.
    """

    exchanges: int
    callbacks: int
    seconds: float
    probes: dict[str, str] = field(default_factory=dict[str, str])
    unusable: str | None = None
    spend_stopped: str | None = None
    generations_spent: int = 0
    generations_released: int = 0


@dataclass(frozen=True)
class Trace:
    """One run, ready to be judged; `footer` is None while the run has not ended."""

    header: Header
    exchanges: tuple[Exchange, ...]
    callbacks: tuple[Callback, ...]
    footer: Footer | None

    @property
    def profile(self) -> Profile:
        """The target as the run saw it."""
        return self.header.profile

    @cached_property
    def history(self) -> History:
        """The exchanges and callbacks, sorted by the generation they belong to."""
        return History(self.exchanges, self.callbacks)

    @property
    def generations(self) -> tuple[Generation, ...]:
        """Every accepted submit with its reads and callbacks, in the order of acceptance."""
        return self.history.generations

    @cached_property
    def submits(self) -> tuple[Exchange, ...]:
        """Every POST to a submit operation."""
        return tuple(exchange for exchange in self.exchanges if exchange.is_submit)

    @cached_property
    def acceptances(self) -> tuple[Exchange, ...]:
        """Every submit answered with a 2xx, whether or not its body is sound."""
        return tuple(exchange for exchange in self.submits if exchange.succeeded)

    @cached_property
    def envelopes(self) -> tuple[Exchange, ...]:
        """Every status read of a known generation that was answered 2xx with a JSON object."""
        return tuple(
            read for generation in self.generations for read in generation.reads if read.succeeded and read.members
        )

    @cached_property
    def _by_aim(self) -> dict[str, list[Exchange]]:
        aimed: dict[str, list[Exchange]] = {}
        for exchange in self.exchanges:
            # A 429 says nothing about what the request was sent for, unless the account exists to be throttled.
            throttled = exchange.status == 429 and exchange.account not in THROTTLED
            for aim in () if throttled or exchange.status is None else exchange.aims:
                aimed.setdefault(aim, []).append(exchange)
        return aimed

    def aimed(self, clause_id: str) -> tuple[Exchange, ...]:
        """The answered exchanges that a probe sent for the sake of that clause, in order."""
        return tuple(self._by_aim.get(clause_id, ()))

    def generation(self, request_id: str | None) -> Generation | None:
        """The generation with that id, or None."""
        return self.history.by_id.get(request_id) if request_id is not None else None

    def waited_since(self, instant: float) -> bool:
        """Whether the run went on long enough after `instant`, in seconds of the run, for what was due to arrive."""
        return self.footer is not None and self.footer.seconds - instant >= 0.8 * self.profile.settle

    def operation(self, *operations: str) -> Iterator[Exchange]:
        """The exchanges of those operations, in order."""
        return (exchange for exchange in self.exchanges if exchange.operation in operations)


Record = Header | Exchange | Callback | Footer
_KINDS: dict[str, type[Record]] = {"header": Header, "exchange": Exchange, "callback": Callback, "footer": Footer}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def dump_record(record: Record) -> bytes:
    """One line of a trace file, newline included."""
    return msgspec.json.encode({_NAMES[type(record)]: record}) + b"\n"


def _decode(line: bytes, number: int) -> Record:
    try:
        wrapped = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        ((name, raw),) = wrapped.items()
        return msgspec.json.decode(raw, type=_KINDS[name])
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise InvalidTraceError(f"line {number} is no trace record ({error}): record the run again") from None


def _assemble(records: Sequence[Record]) -> Trace:
    exchanges = tuple(record for record in records if isinstance(record, Exchange))
    callbacks = tuple(record for record in records if isinstance(record, Callback))
    header = next((record for record in reversed(records) if isinstance(record, Header)), None)
    footer = next((record for record in reversed(records) if isinstance(record, Footer)), None)
    if header is None:
        raise InvalidTraceError("the trace has no header: it is no trace of this suite")
    if footer is None:
        raise InvalidTraceError("the trace has no footer, so the run never ended: record it again")
    if (footer.exchanges, footer.callbacks) != (len(exchanges), len(callbacks)):
        raise InvalidTraceError(
            f"the footer counts {footer.exchanges} exchanges and {footer.callbacks} callbacks, the file holds "
            f"{len(exchanges)} and {len(callbacks)}: record it again"
        )
    return Trace(header, exchanges, callbacks, footer)


def load_trace(path: Path) -> Trace:
    """Read a trace file. Raises `InvalidTraceError` when it is cut or malformed, OSError when it cannot be read."""
    lines = path.read_bytes().splitlines()
    return _assemble([_decode(line, number) for number, line in enumerate(lines, 1) if line.strip()])
