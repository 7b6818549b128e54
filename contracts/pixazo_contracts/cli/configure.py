"""Makes target and run options from the command line, a profile and a discovery document; and shell words that repeat them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast
from urllib.parse import urlsplit

import msgspec

from pixazo_contracts.clauses import CATALOGUE, Clause, select
from pixazo_contracts.judge import key_variable, shell_word
from pixazo_contracts.probes import PROBES
from pixazo_contracts.runner import ReceiverAddress, RunClock, RunOptions, advancing_clock, fetch
from pixazo_contracts.trace import (
    Ceilings,
    ConfigurationError,
    Profile,
    ProfileFile,
    Target,
    canonical_origin,
    check_known,
    check_number,
    split_url,
)

#: Risks that must be allowed: sending the key in a query, where it may end up in a log, and as a Bearer token.
RISKS: Final = ("query-key",)

#: The shortest wait for what may never arrive (a second callback, a retry), in seconds, and the usual one in polls.
SHORTEST_SETTLE: Final = 1.5
SETTLE_POLLS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says about a target and a run; None or empty if it says nothing."""

    target: str
    api_key: str | None = None
    api_key_env: str = "PIXAZO_API_KEY"
    accounts: Sequence[str] = ()
    prompts: Sequence[str] = ()
    have: str = ""
    risks: Sequence[str] = ()
    pace: float | None = None
    deadline: float | None = None
    max_generations: int = 0
    ledger: Path | None = None
    receiver: str | None = None
    receiver_url: str | None = None
    seed: int = 0
    out: Path | None = None


def pairs(option: str, values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Repeated `NAME=VALUE` options by name. Raises `ConfigurationError`."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals or not text:
            raise ConfigurationError(f"{option} {name if equals else '...'!r}: write {option} NAME=VALUE")
        found[name] = (*found.get(name, ()), text)
    return found


def origin_of_target(url: str) -> str:
    """The origin that `--target` names. An error does not repeat the URL, which may contain a password or a key."""
    if "@" in url:
        raise ConfigurationError(
            "--target contains a user name or a password: give only http://HOST:PORT or https://HOST"
        )
    try:
        parts, _ = urlsplit(url), canonical_origin(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or "%" in parts.netloc or parts.netloc.endswith(":"):
        raise ConfigurationError("--target is not a URL with a host: write http://HOST:PORT or https://HOST")
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(f"--target has a path or a query after {origin}: give only {origin}")
    return origin


def _keys(given: Given, file: ProfileFile) -> dict[str, tuple[str, ...]]:
    key = given.api_key or os.environ.get(given.api_key_env)
    if not key:
        raise ConfigurationError(f"no API key: pass --api-key or set {given.api_key_env}")
    keys = {**file.keys(), **pairs("--account", given.accounts), "default": (key,)}
    for role, values in keys.items():
        if any(not value.isascii() or not value.isprintable() or value != value.strip() for value in values):
            raise ConfigurationError(
                f"the key of the account {role!r} cannot be sent in a header: check it for unusual characters"
            )
    return keys


def _check_parts(target: Target) -> None:
    """Refuse accounts, prompts and capabilities that no clause or probe uses: a misspelled one would silently be missing."""
    needs = set[str]().union(*(clause.needs for clause in CATALOGUE), *(probe.needs for probe in PROBES))
    parts = {"account": target.keys, "prompt": target.prompts}
    for kind, given in parts.items():
        known = {need.removeprefix(f"{kind}:").partition(".")[0] for need in needs if need.startswith(f"{kind}:")}
        check_known(f"unknown {kind}", given, sorted({*known, "default"} if kind == "account" else known), shown=False)
    free = [each for each in target.profile.capabilities if ":" not in each]
    check_known("unknown capability", free, sorted(need for need in needs if ":" not in need))


def make_target(given: Given, file: ProfileFile) -> Target:
    """The target that options and profile file describe; options take precedence. Raises `ConfigurationError`."""
    origin = origin_of_target(given.target)
    check_number("--pace", given.pace, above=True)
    check_number("--deadline", given.deadline, above=True)
    if given.max_generations < 0:
        raise ConfigurationError(f"--max-generations {given.max_generations}: give a number that is at least 0")
    # Options replace values of the file.
    said: dict[str, Any] = {
        field.name: value
        for source in (file, given)
        for field in fields(Profile)
        if (value := getattr(source, field.name, None)) is not None
    }
    profile = Profile(origin=origin, **said)
    # A given number also counts on this machine: a tunnel to the paid gateway ends on loopback.
    check_known("--risk", given.risks, RISKS)
    bounded = given.max_generations > 0 or file.ceilings != Ceilings()
    capabilities = {*file.capabilities, *filter(None, given.have.split(",")), *(f"risk:{risk}" for risk in given.risks)}
    profile = replace(
        profile,
        paid=file.paid or (bounded and profile.loopback),
        capabilities=tuple(sorted(capabilities)),
        settle=max(SHORTEST_SETTLE, SETTLE_POLLS * profile.pace) if file.settle is None else file.settle,
    )
    if given.max_generations and not profile.loopback and not profile.paid:
        raise ConfigurationError(
            f"--max-generations {given.max_generations} on {origin} needs a --profile that says `paid = true`: "
            "generations there cost money"
        )
    prompts = {**file.prompts, **{kind: texts[-1] for kind, texts in pairs("--prompt", given.prompts).items()}}
    target = Target(profile, _keys(given, file), prompts)
    _check_parts(target)
    return target


def choose(globs: Sequence[str], *, core: bool, option: str = "--clauses") -> tuple[Clause, ...]:
    """The clauses that an option selects. Raises `ConfigurationError` if it selects none."""
    for glob in globs:
        if not select((glob,), core=core):
            raise ConfigurationError(f"{option} {glob} matches no clause: see `pixazo-contracts list`")
    return select(globs, core=core)


def ledger_path(profile: Profile, given: Path | None) -> Path | None:
    """The spend ledger of a target, by default a file of its own; None for a target that does not charge.

    Raises `ConfigurationError` if there is no home directory for it.
    """
    if not profile.limited:
        return None
    if given is not None:
        return given
    state = Path(os.environ.get("XDG_STATE_HOME") or ".")
    if not state.is_absolute():
        # The XDG specification says to ignore a relative path, which would give each working directory its own ceilings.
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError as error:
            raise ConfigurationError(f"no place for the spend ledger ({error}): pass --ledger PATH") from None
    name = hashlib.sha256(canonical_origin(profile.origin).encode()).hexdigest()[:16]
    return state / "pixazo-contracts" / f"ledger-{name}.ndjson"


def host_and_port(option: str, text: str) -> tuple[str, int]:
    """Where an option says to listen. Raises `ConfigurationError`."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or len(port) > 5 or int(port) > 65535:
        raise ConfigurationError(f"{option} {text!r}: write HOST:PORT, with a port from 0 to 65535")
    return host, int(port)


def _receiver_address(profile: Profile, given: Given) -> ReceiverAddress | None:
    """Where to listen: by default only for a target on this machine, which can reach us. Raises `ConfigurationError`."""
    if given.receiver is None and given.receiver_url is None and not profile.loopback:
        return None
    host, port = host_and_port("--receiver", given.receiver or "127.0.0.1:0")
    parts = split_url(given.receiver_url or "http://localhost")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        # It may contain a token, so it is not repeated.
        raise ConfigurationError("--receiver-url is not a URL: write http://HOST[:PORT][/PATH] or https://HOST[/PATH]")
    return ReceiverAddress(host=host, port=port, public_url=given.receiver_url)


def run_options(given: Given, profile: Profile, file: ProfileFile, clauses: Sequence[Clause]) -> RunOptions:
    """How a run of these clauses is carried out, and what it may cost. Raises `ConfigurationError`."""
    return RunOptions(
        seed=given.seed,
        max_generations=given.max_generations,
        ceilings=file.ceilings,
        ledger_path=ledger_path(profile, given.ledger),
        receiver=_receiver_address(profile, given),
        selected=tuple(clause.id for clause in clauses),
        trace_path=None if given.out is None else given.out / "trace.ndjson",
    )


#: Where a simulator or fake may describe itself. The real gateway is never asked, nor is any other target that is not on loopback.
DISCOVERY_PATH: Final = "/.well-known/pixazo-target"


class Advance(msgspec.Struct, frozen=True):
    """How a clock is advanced: with a POST to this path at the target's origin, with this body and the `seconds`."""

    path: Annotated[str, msgspec.Meta(pattern="^/")]
    body: dict[str, Any] = {}


class ClockDocument(msgspec.Struct, frozen=True):
    """A target's clock: `running`, at `rate` times real time, or `manual`: it moves only when it is advanced."""

    kind: Literal["running", "manual"]
    rate: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    advance: Advance | None = None


class DiscoveryDocument(msgspec.Struct, frozen=True):
    """Keys by account role, prompts by their known end, further capabilities, and how the target's clock runs."""

    accounts: dict[str, str | tuple[str, ...]] = {}
    prompts: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    clock: ClockDocument | None = None

    @property
    def advance(self) -> Advance | None:
        """How the clock is advanced; None for one that runs by itself."""
        return self.clock.advance if self.clock and self.clock.kind == "manual" else None


#: Default seconds of a clock that only the suite moves: waiting costs nothing there, so it waits long enough to see what is
#: forgotten.
MANUAL: Final = {"deadline": 120.0, "settle": 30.0, "patience": 900.0}


def extend(file: ProfileFile, document: DiscoveryDocument) -> ProfileFile:
    """The profile file with what the document adds; where both have a value, the file's counts."""
    clock = document.clock
    usual = Profile(origin="")
    running = {} if clock is None else {"pace": usual.pace / clock.rate, "deadline": usual.deadline / clock.rate}
    seconds: dict[str, Any] = MANUAL if document.advance else running
    return replace(
        file,
        accounts={**document.accounts, **file.accounts},
        prompts={**document.prompts, **file.prompts},
        capabilities=tuple(sorted({*file.capabilities, *document.capabilities})),
        **{name: value for name, value in seconds.items() if getattr(file, name) is None},
    )


def discover(given: Given, file: ProfileFile) -> tuple[Target, Advance | None]:
    """The target, and how its clock is advanced, None if it runs by itself; a free target on this machine may describe itself."""
    found = make_target(given, file)
    if found.profile.limited:
        return found, None
    content = fetch(found.profile, DISCOVERY_PATH) or b"{}"
    try:
        document = msgspec.json.decode(content, type=DiscoveryDocument)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError) and content.lstrip().startswith(b"{"):
            raise ConfigurationError(
                f"discovery document {DISCOVERY_PATH} of the target: {error}: correct it, or let `run` ignore it (`--no-discovery`)"
            ) from None
        document = DiscoveryDocument()  # it has none
    found, advance = make_target(given, extend(file, document)), document.advance
    return replace(found, profile=replace(found.profile, virtual=advance is not None)), advance


def run_clock(target: Target, advance: Advance | None) -> AbstractContextManager[RunClock]:
    """The clock of a run: real time, or the target's own if we advance it."""
    return nullcontext(RunClock()) if advance is None else advancing_clock(target, advance.path, advance.body)


#: A URL that has no room for a token.
ORIGIN: Final = re.compile(r"https?://[^/?#@]+/?")


def _accounts(option: str, values: Iterable[object]) -> Iterator[str]:
    for role, keys in pairs(option, [str(value) for value in values]).items():
        for number in range(len(keys)):
            account = f"{role}.{number}" if number else role
            yield f'{shell_word(f"{role}=")}"${key_variable(account)}"'


def _words(option: str, values: Sequence[object]) -> Iterator[str]:
    if option.endswith("-account"):
        return _accounts(option, values)
    if option.endswith("-receiver-url") and not ORIGIN.fullmatch(str(values[0])):
        return iter(['"$RECEIVER_URL"'])  # it may contain a token
    return (shell_word(str(value)) for value in values)


def again(command: Sequence[str], given: Mapping[str, object]) -> tuple[str, ...]:
    """The shell words that give these options to a command; an option that is None, empty, 0 or False is left out."""
    words = list(command)
    for option, value in given.items():
        if value is True:
            words.append(option)
        elif value:
            values = cast("Sequence[object]", value) if isinstance(value, list | tuple) else (value,)
            words += (word for each in _words(option, values) for word in (option, each))
    return tuple(words)
