"""The history of one world: as a document, which contains a state and the commands since; as it was after a command; as phrases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from hashlib import blake2b
from typing import Annotated, Any, NamedTuple, cast
from urllib.parse import quote

import msgspec

from pixazo_simulator.gateway import Response
from pixazo_simulator.spec import HIDDEN, QUERY_KEY, REDACTED, SECOND, Policy, Redactor, dollars, is_secret, regex
from pixazo_simulator.world import (
    AdoptWorld,
    AdvanceClock,
    AdvanceIdly,
    AdvanceServer,
    Begun,
    ChangeWorld,
    CopyDelivery,
    CutExchange,
    EndTurn,
    Exchange,
    RecordAttempt,
    RecordExchange,
    Row,
    ServerCommand,
    StopClock,
    TakeDelivery,
    TakeTransitions,
    TakeTurn,
    World,
    Worlds,
    rows,
)

from .entries import FORMAT, Answering, AnswerRequest, Entry, Fold, LoggedCommand, decode, encode
from .store import Head, Kept

Scratch = Callable[[Begun], tuple[Worlds, Answering]]
"""Makes worlds like those of a server, but separate from them, and what answers requests there."""
_AUTHORITY = regex(r"://[^/?#\s\"\\]+")
_VALID = ((f"{HIDDEN}@", "hidden:hidden@"), (f":{REDACTED}", ":1"), (REDACTED, "redacted"))
"""What replaces the user, the port and parts of the host of a URL, where the brackets of a mark would make it invalid."""
_HOSTS = "webhook_allow"
_LENGTHS = {"request_body": "request_length", "response_body": "response_length", "body": "received"}
"""Members that are bodies, of exchanges and requests, and those with their lengths."""


_WITHOUT_PHRASE = (RecordExchange, TakeDelivery, TakeTransitions, TakeTurn, EndTurn)
"""Commands that are part of others, which have the phrase."""


class WorldLog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A world without its key: its `state` at the instant `begun.at` of real time, and the `commands` that were carried out since.

    `digest` is that of the state to which they lead, `outcome` that of what happened where it was saved, before secrets were taken out.
    """

    begun: Begun
    state: Annotated[
        tuple[Row, ...], msgspec.Meta(description="path and value of each member, in MessagePack and Base64")
    ]
    commands: Annotated[tuple[bytes, ...], msgspec.Meta(description="in MessagePack and Base64")]
    digest: str
    name: str | None = None
    form: int = FORMAT
    outcome: str | None = None


class Replayed:
    """The world of a document, on worlds of its own, after all its commands. Raises ValueError for a document that cannot be read."""

    def __init__(self, log: WorldLog, scratch: Scratch) -> None:
        if log.form != FORMAT:
            raise ValueError(
                f"the log has format {log.form}, but this version reads {FORMAT}: use the version that wrote it"
            )
        fold, self.world = _begun(log, REDACTED, scratch)
        self.worlds = fold.worlds
        outcomes = [fold.carry_out(entry) for entry in _addressed(log, REDACTED, self.world.number)]
        self.responses = [each for each in outcomes if isinstance(each, Response)]
        """The responses, in order."""
        self.is_same = self.digest() == log.digest
        """Whether the replay led to the same state as where the document was saved."""
        self.has_same_outcome = log.outcome in (None, _outcome(self.world))
        """Whether the requests are answered as those with their secrets were; not so if a rule or a bound decides by a secret."""

    def digest(self) -> str:
        """A digest of the state of the world."""
        found = blake2b(digest_size=16)
        for path, data in rows(self.world):
            found.update(b"%d %s %s" % (len(data), path.encode(), data))
        return found.hexdigest()

    def state(self) -> tuple[Row, ...]:
        """The state of the world as it is adopted elsewhere."""
        return self.world.portable(self.worlds.now())


def _outcome(world: World) -> str:
    """A digest of how the requests of a world were answered, what they cost, and what became of webhooks; of no text that may be redacted."""
    happened = (
        [(each.status, each.rule is None, each.faults) for each in world.journal],
        [each.amount for each in world.account.ledger.entries(world.clock.now())],
        [[attempt.status for attempt in each.attempts] for each in world.deliveries()],
    )
    return blake2b(msgspec.json.encode(happened), digest_size=16).hexdigest()


def _begun(log: WorldLog, key: str, scratch: Scratch) -> tuple[Fold, World]:
    fold = Fold(*scratch(log.begun), stands=True)
    fold.time.latest = fold.time.command = log.begun.at
    return fold, fold.worlds.carry_out(AdoptWorld(state=log.state, key=key))


def _addressed(log: WorldLog, key: str, number: int) -> Iterator[Entry]:
    """The commands of a document as those of a world with this key and number. Raises ValueError for one that no world gets."""
    for entry in map(decode, log.commands):
        command = entry.command
        if isinstance(command, ServerCommand):
            raise ValueError(f"{type(command).__name__} is not a command of a world: export the world again")  # noqa: TRY004
        if isinstance(command, ChangeWorld) and command.policy:
            command.policy.check()
        if not isinstance(command, AnswerRequest):
            yield msgspec.structs.replace(entry, world=number)
            continue
        mark, sent = REDACTED.encode(), key.encode()
        headers = tuple((name, sent if value == mark else value) for name, value in command.headers)
        query = command.query.replace(f"{QUERY_KEY}={REDACTED}".encode(), f"{QUERY_KEY}={quote(key, safe='')}".encode())
        listener = None if command.listener is None else number
        command = msgspec.structs.replace(command, headers=headers, query=query, listener=listener)
        yield msgspec.structs.replace(entry, command=command)


def kept_log(log: WorldLog, key: str, settings: dict[str, str], scratch: Scratch) -> Kept:
    """The content of a store for a server whose only world is that of a document, under this key; its clock is stopped at the end."""
    fold, world = _begun(log, key, scratch)
    state = tuple(fold.worlds.saved())
    entries = [*_addressed(log, key, world.number)]
    if world.clock.rate:
        at = entries[-1].at if entries else log.begun.at
        entries.append(Entry("", len(entries) + 1, at, world.number, StopClock(0)))
    return Kept(Head(log.begun, settings), 0, state, tuple(map(encode, entries)))


def export(world: World, worlds: Worlds, kept: Kept | None, scratch: Scratch) -> WorldLog:
    """The document of a world of a server: with all that its log keeps of it, None: with its state alone.

    Raises ValueError for a world whose key, or another secret, is a word without which the document could not be read.
    """
    if kept is None:
        with worlds.lock:
            begun, commands = Begun(worlds.now(), world.clock.start), tuple[bytes, ...]()
            state, outcome = world.portable(begun.at), None
    else:
        begun, state, commands, outcome = _history(world.number, kept, scratch)
    redactor, key = world.redactor, world.key
    log = WorldLog(
        begun,
        tuple(Row(path, _without_secrets(data, redactor, key)) for path, data in state),
        tuple(_without_secrets(data, redactor, key) for data in commands),
        "",
        redactor.text(world.name) if world.name else None,
        outcome=outcome,
    )
    try:
        return msgspec.structs.replace(log, digest=Replayed(log, scratch).digest())
    except ValueError as error:
        raise ValueError(
            f"the world cannot be exported without its key, or other secrets: use a longer key ({error})"
        ) from None


def _history(number: int, kept: Kept, scratch: Scratch) -> tuple[Begun, tuple[Row, ...], tuple[bytes, ...], str | None]:
    """When a world first existed, as far as the log reaches back, its state then, the entries about it since, and their outcome."""
    fold = _beginning(kept, scratch)
    begun, state = _present(number, fold)
    commands: list[bytes] = []
    for step in carried_out(number, kept, fold):
        if not state:
            begun, state = _present(number, fold)
        elif step.command is not None:
            place = None if isinstance(step.command, AnswerRequest) else number
            commands.append(encode(Entry("", len(commands) + 1, step.at, place, step.command)))
    world = fold.worlds.numbered(number)
    return begun, state, tuple(commands), _outcome(world) if world else None


def _present(number: int, fold: Fold) -> tuple[Begun, tuple[Row, ...]]:
    """The present instant, and the state of a world; empty when no world has this number."""
    world, now = fold.worlds.numbered(number), fold.worlds.now()
    return (Begun(now, world.clock.start), world.portable(now)) if world else (Begun(now, now), ())


class CarriedOut(NamedTuple):
    """An entry carried out `at` an instant of real time: `command` is what it was for a world, None if nothing.

    `before` is what the clock of the world read before, and its policy.
    """

    at: int
    command: LoggedCommand | None
    outcome: object
    before: tuple[int, Policy] | None


def carried_out(number: int, kept: Kept, fold: Fold) -> Iterator[CarriedOut]:
    """Carry out the entries in a store, and say what each of them was for a world."""
    for data in kept.entries:
        entry = decode(data)
        fold.time.command = max(fold.time.latest, entry.at)
        world = fold.worlds.numbered(number)
        before = (world.clock.now(), world.policy) if world else None
        outcome, command, concerned = fold.carry_out(entry), entry.command, entry.world
        if isinstance(outcome, Response):
            concerned = outcome.world.number if outcome.world else None
        elif isinstance(command, AdvanceServer) and command.but != number:  # it has advanced this world, too
            concerned, command = number, AdvanceIdly(0, command.milliseconds, command.most)
        elif world is None and fold.worlds.numbered(number):  # it has caused it
            concerned = number
        yield CarriedOut(entry.at, command if concerned == number else None, outcome, before)


def world_at(number: int, position: int, kept: Kept, scratch: Scratch) -> World | None:
    """A world after so many commands of its server, None if it did not exist. Raises ValueError for a position not in the log."""
    most = kept.count + len(kept.entries)
    if not kept.count <= position <= most:
        raise ValueError(f"position {position} is not kept: the log covers {kept.count} to {most}")
    fold = _beginning(kept, scratch)
    for data in kept.entries[: position - kept.count]:
        fold.carry_out(decode(data))
    return fold.worlds.numbered(number)


def beginning(kept: Kept, worlds: Worlds, answer: Answering, *, stands: bool = False) -> Fold:
    """The worlds as they were before the entries in a store."""
    if kept.state:
        worlds.restore(kept.state)
    else:
        worlds.create_first()
    return Fold(worlds, answer, kept.count, stands=stands)


def _beginning(kept: Kept, scratch: Scratch) -> Fold:
    """The same for separate worlds, whose clocks stand between entries."""
    return beginning(kept, *scratch(kept.head.begun), stands=True)


class Happened(NamedTuple):
    """A command that concerned a world: its `position` in the log, the world's instant, and a phrase or a request with its response."""

    position: int
    at: int
    what: str | Exchange


def happened(number: int, kept: Kept, scratch: Scratch) -> list[Happened]:
    """What has happened in a world as far as the log reaches back, starting with how it was then."""
    fold = _beginning(kept, scratch)
    present = fold.worlds.numbered(number)
    found = [Happened(fold.count, present.clock.now(), "the log begins")] if present else []
    for step in carried_out(number, kept, fold):
        present = fold.worlds.numbered(number)
        if present and (what := _phrase(step, present.clock.now())):
            found.append(Happened(fold.count, present.clock.now(), what))
    return found


def _phrase(step: CarriedOut, now: int) -> str | Exchange | None:
    """What a command did to the world; None for one that did not concern it, was refused, or changed nothing."""
    command, outcome = step.command, step.outcome
    if command is None or isinstance(outcome, Exception) or isinstance(command, _WITHOUT_PHRASE):
        return None
    if isinstance(outcome, Response):
        return outcome.exchange()
    before, policy = step.before or (now, None)
    match command:
        case AdvanceIdly() | AdvanceClock():
            return f"advance {(now - before) / SECOND:.15g} s" if now > before else None
        case ChangeWorld():
            return f"set {', '.join(_changes(command, policy))}"
        case RecordAttempt(delivery=delivery, attempt=attempt):
            said = attempt.problem if attempt.status is None else attempt.status
            return f"webhook {delivery.number}, attempt {len(delivery.attempts) + 1}: {said}"
        case CutExchange():
            return f"exchange {command.number}: {command.cut}"
        case CopyDelivery():
            return f"resend webhook {command.number}"
        case _:
            words = re.sub("(?<=.)([A-Z])", r" \1", type(command).__name__).lower()
            number: Any = getattr(command, "number", outcome)
            return f"{words} {number}" if isinstance(number, int) else words


def _changes(command: ChangeWorld, before: Policy | None) -> list[str]:
    found = [] if command.balance is None else [f"balance {dollars(command.balance)}"]
    if command.policy and before:
        found += [f"{name}={text}" for name, text in command.policy.texts.items() if text != before.texts.get(name)]
    given = {name: getattr(command, name) for name in ("suspended", "model_enabled", "broken")}
    found += [f"{name}={str(value).lower()}" for name, value in given.items() if value is not None]
    return found + (["images"] if command.images is not None else []) or ["nothing"]


def _without_secrets(data: bytes, redactor: Redactor, key: str) -> bytes:
    """MessagePack without the key of the world, which has a placeholder instead, and without other secrets."""
    return msgspec.msgpack.encode(_clean(msgspec.msgpack.decode(data), redactor, key.encode()))


def _with_urls(text: str) -> str:
    """A text in which the marks leave URLs valid."""
    if "://" not in text:
        return text
    return _AUTHORITY.sub(lambda found: reduce(lambda part, valid: part.replace(*valid), _VALID, found[0]), text)


def _clean(value: Any, redactor: Redactor, key: bytes) -> Any:
    if isinstance(value, str):
        return _with_urls(redactor.text(value))
    if isinstance(value, bytes):
        text = value.decode("latin-1")
        clean = _clean(text, redactor, key)
        with suppress(msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError):  # JSON stays JSON
            decoded = msgspec.json.decode(value)
            hidden = redactor.json(decoded)
            if clean == text and hidden == decoded:
                return value
            return _with_urls(msgspec.json.encode(hidden).decode()).encode()
        return clean.encode("latin-1", "replace")
    if isinstance(value, dict):
        members = cast("Mapping[Any, Any]", value)
        if "when" in members:  # a rule: its author has chosen the names in it
            return redactor.json(members)
        cleaned = {_clean(name, redactor, key): _clean(each, redactor, key) for name, each in members.items()}
        if _HOSTS in members:  # of a policy: they are among those of the server, and with a mark no hosts
            cleaned[_HOSTS] = members[_HOSTS]
        for body, length in _LENGTHS.items():
            if isinstance(members.get(body), bytes):
                cleaned[length] += len(cleaned[body]) - len(members[body])
        return cleaned
    if isinstance(value, list):
        return _clean_list(cast("Sequence[Any]", value), redactor, key)
    return value


def _clean_list(values: Sequence[Any], redactor: Redactor, key: bytes) -> list[Any]:
    if len(values) == 2 and all(isinstance(each, bytes) for each in values) and is_secret(values[0].decode("latin-1")):
        return [values[0], (REDACTED if values[1].strip() == key else HIDDEN).encode()]  # a header
    return [_clean(each, redactor, key) for each in values]
