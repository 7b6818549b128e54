"""The result of a run: verdicts with all that reports need, as canonical NDJSON, and the plain JSON made of it."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from pixazo_contracts.clauses import BY_ID, CATALOGUE
from pixazo_contracts.probes import feeders
from pixazo_contracts.trace import KEY_HEADER, Exchange, Generation, Profile, Trace, decode_tagged, encode_json, visible

from .verdict import JUDGED, Basis, Finding, Outcome, Verdict, carried_out

T = TypeVar("T")

#: The longest body that a cURL line repeats, in characters.
LONGEST_BODY: Final = 1000


class InvalidResultError(ValueError):
    """A file that is not a result of this suite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Which run this is the result of; `cut` says what its trace lacks, if it is not `complete`.

    `settings` are those of the profile that can change a verdict, each as JSON.
    """

    suite: str
    clause_set: str
    profile_hash: str
    origin: str
    started_at: str
    seconds: float
    exchanges: int
    callbacks: int
    seed: int
    complete: bool
    cut: str | None = None
    budget: int | None = None
    generations_spent: int = 0
    generations_released: int = 0
    unusable: str | None = None
    spend_stopped: str | None = None
    again: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A clause that was planned and not judged, and why not; `fails` says that the run therefore ends with exit code 13."""

    clause: str
    why: str
    fails: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many clauses came to which outcome, how many were planned and judged, and which are `missing`, core ones first.

    A clause is planned if a probe that was carried out feeds it and the target has what it needs. `not_compared` says of
    clauses that the baseline observed why they were not compared with it.
    """

    outcomes: dict[str, int]
    judged: int
    selected: int
    total: int
    planned: int = 0
    missing: tuple[Missing, ...] = ()
    excused: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    not_compared: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The life of one generation in seconds of the run: when each state was first seen, and when callbacks came."""

    request_id: str
    operation: str
    case: str
    submitted: float
    states: tuple[tuple[str, float], ...]
    last: float
    reads: int
    callbacks: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Everything that reports are made of."""

    meta: Meta
    verdicts: tuple[Verdict, ...]
    timelines: tuple[Timeline, ...]
    summary: Summary
    exit_code: int

    @property
    def by_id(self) -> dict[str, Verdict]:
        """The verdicts by clause id."""
        return {verdict.clause: verdict for verdict in self.verdicts}


def _shell_escape(character: str) -> str:
    if character == "\n":
        return "\\n"
    # The bytes, which mean the same in every locale; half a surrogate pair may stand for a byte of a command line.
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


def shell_word(text: str) -> str:
    """The text as one word of a shell; `$'...'` where it holds characters that could not be seen, or copied."""
    if visible(text) == text:
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(each if visible(each) == each else _shell_escape(each) for each in quoted) + "'"


def key_variable(account: str) -> str:
    """The environment variable that holds the key of an account, in the commands of a report."""
    return f"KEY_OF_{re.sub('[^A-Za-z0-9]', '_', account).upper()}"


def _key(exchange: Exchange) -> list[str]:
    """The arguments that send the key, taken from the environment: a report never holds one."""
    match exchange.account, exchange.placement:
        case ("", _):
            return []
        case ("unknown", _):
            return ["-H", f"'{KEY_HEADER}: no-such-key'"]
        case ("blank", _):
            return ["-H", f"'{KEY_HEADER};'"]
        case (_, "bearer"):
            return ["-H", '"Authorization: Bearer $PIXAZO_API_KEY"']
        case ("default", _):
            return ["-H", f'"{KEY_HEADER}: $PIXAZO_API_KEY"']
        case (account, _):
            return ["-H", f'"{KEY_HEADER}: ${key_variable(account)}"']


def curl_line(exchange: Exchange) -> str:
    """The request as one cURL line for a shell; a body that is not kept or too long is named instead."""
    parts = ["curl", "-i", "-X", exchange.method, shell_word(exchange.url), *_key(exchange)]
    for name, value in exchange.request_headers:
        parts += ["-H", shell_word(f"{name}: {value}")]
    body = exchange.request_body
    if body is not None and len(body) <= LONGEST_BODY:
        parts += ["--data-raw", shell_word(body)]
    elif exchange.request_size:
        parts.append(
            f"--data-binary @body  # {exchange.request_size} bytes: see probe {exchange.probe!r}, {exchange.case!r}"
        )
    return " ".join(parts)


def _with_curl(finding: Finding, by_number: Mapping[int, Exchange]) -> Finding:
    exchange = by_number.get(finding.exchange or 0)
    return finding if exchange is None else replace(finding, curl=curl_line(exchange))


def _timeline(generation: Generation) -> Timeline:
    states: dict[str, float] = {}
    for read in generation.seen:
        states.setdefault(str(read.state), read.finished)
    return Timeline(
        request_id=generation.request_id,
        operation=generation.submit.operation,
        case=generation.submit.case,
        submitted=generation.submit.finished,
        states=tuple(states.items()),
        last=generation.seen[-1].finished if generation.seen else generation.submit.finished,
        reads=len(generation.reads),
        callbacks=tuple(callback.at for callback in generation.callbacks),
    )


def settings(profile: Profile) -> dict[str, str]:
    """All of a profile that can change a verdict, which the host and port of the target cannot, each value as JSON."""
    names = [*(item.name for item in fields(Profile) if item.name != "origin"), "loopback", "limited"]
    return {name: json.dumps(getattr(profile, name)) for name in names}


def describe(trace: Trace) -> Meta:
    """Which run a trace is of."""
    footer = trace.footer
    # Header and footer name what they share with the result alike.
    recorded = msgspec.to_builtins(trace.header) | (msgspec.to_builtins(footer) if footer else {})
    counted = {
        "origin": trace.profile.origin,
        "seconds": round(footer.seconds if footer else max((e.finished for e in trace.exchanges), default=0.0), 3),
        "exchanges": len(trace.exchanges),
        "callbacks": len(trace.callbacks),
        "complete": footer is not None,
        "cut": trace.cut,
        "settings": settings(trace.profile),
    }
    return msgspec.convert(recorded | counted, Meta)


def _missing(trace: Trace, verdicts: Sequence[Verdict], *, strict: bool) -> tuple[Missing, ...]:
    fed = feeders(carried_out(trace))
    found = [
        Missing(
            clause=verdict.clause,
            why=f"{verdict.outcome.value}: {verdict.reason}",
            fails=strict or BY_ID[verdict.clause].core,
        )
        for verdict in verdicts
        if verdict.outcome not in JUDGED | {Outcome.SKIPPED} and BY_ID[verdict.clause].is_planned(fed, trace.profile)
    ]
    return tuple(sorted(found, key=lambda missing: not BY_ID[missing.clause].core))


def build(
    trace: Trace,
    verdicts: Sequence[Verdict],
    exit_code: int,
    *,
    excused: frozenset[str] = frozenset(),
    stale: tuple[str, ...] = (),
    not_compared: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Result:
    """The result of judging a trace; with `strict` any clause that is missing fails the run, else a core one does."""
    counts = Counter(verdict.outcome.value for verdict in verdicts)
    by_number = {exchange.number: exchange for exchange in trace.exchanges}
    judged, missing = sum(verdict.outcome in JUDGED for verdict in verdicts), _missing(trace, verdicts, strict=strict)
    summary = Summary(
        outcomes={outcome.value: counts[outcome.value] for outcome in Outcome if counts[outcome.value]},
        judged=judged,
        selected=len(verdicts),
        total=len(CATALOGUE),
        planned=judged + len(missing),
        missing=missing,
        excused=tuple(sorted(excused)),
        stale=stale,
        not_compared=dict(not_compared or {}),
    )
    return Result(
        meta=describe(trace),
        verdicts=tuple(
            replace(verdict, findings=tuple(_with_curl(finding, by_number) for finding in verdict.findings))
            for verdict in verdicts
        ),
        timelines=tuple(_timeline(generation) for generation in trace.generations if generation.reads),
        summary=summary,
        exit_code=exit_code,
    )


@dataclass(frozen=True, slots=True)
class _End:
    summary: Summary
    exit_code: int


def to_ndjson(result: Result) -> bytes:
    """The canonical form: a line of meta, one a verdict, one a timeline, and a last line without which it is cut."""
    lines: list[tuple[str, object]] = [("meta", result.meta)]
    lines += [("verdict", verdict) for verdict in result.verdicts]
    lines += [("timeline", timeline) for timeline in result.timelines]
    lines.append(("end", _End(result.summary, result.exit_code)))
    return b"".join(encode_json({name: value}) + b"\n" for name, value in lines)


_KINDS: Final[dict[str, type[object]]] = {"meta": Meta, "verdict": Verdict, "timeline": Timeline, "end": _End}


class JudgedClause(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in the plain JSON form, with what the clause demands, the section of the page, and its strength."""

    outcome: Outcome
    judged: int = 0
    observation: str | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    basis: Basis | None = None
    requirement: str = ""
    section: str = ""
    strength: str = ""
    core: bool = False


class ResultDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="$schema", tag="urn:pixazo-testkit:result:1"):
    """The plain JSON form: what `to_json` writes is all that is read back."""

    version: Literal[1] = 1
    clauses: dict[str, JudgedClause]
    summary: Summary
    exit_code: int
    meta: Meta


def _from_json(data: bytes) -> Result:
    plain = msgspec.json.decode(data, type=ResultDocument)
    verdicts = tuple(
        Verdict(clause=name, **{member.name: getattr(each, member.name) for member in fields(Verdict)[1:]})
        for name, each in plain.clauses.items()
    )
    return Result(meta=plain.meta, verdicts=verdicts, timelines=(), summary=plain.summary, exit_code=plain.exit_code)


def _all(records: list[object], kind: type[T]) -> tuple[T, ...]:
    return tuple(record for record in records if isinstance(record, kind))


def _from_ndjson(data: bytes) -> Result:
    records: list[object] = [decode_tagged(line, _KINDS) for line in data.splitlines()]
    match _all(records, Meta), _all(records, _End):
        case (meta,), (end,):
            verdicts, timelines = _all(records, Verdict), _all(records, Timeline)
            return Result(
                meta=meta, verdicts=verdicts, timelines=timelines, summary=end.summary, exit_code=end.exit_code
            )
        case _:
            raise ValueError("it has no first or no last line: it was cut")


def load_result(path: Path) -> Result:
    """Read a `result.ndjson`, a `result.json`, or a directory with the former.

    Raises `InvalidResultError` when it is cut or something else, OSError when it cannot be read.
    """
    data = (path / "result.ndjson" if path.is_dir() else path).read_bytes()
    try:
        return _from_json(data) if data.startswith(b"{\n") else _from_ndjson(data)
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise InvalidResultError(f"{path} is not a result of this suite ({error})") from None


def to_json(result: Result) -> bytes:
    """The result for other programs: `clauses` by id, `summary`, `exit_code`, and which run it was."""
    clauses: dict[str, JudgedClause] = {}
    for verdict in result.verdicts:
        about = BY_ID[verdict.clause]
        clauses[verdict.clause] = JudgedClause(
            **{member.name: getattr(verdict, member.name) for member in fields(Verdict)[1:]},
            requirement=about.requirement,
            section=about.section,
            strength=about.strength.value,
            core=about.core,
        )
    whole = ResultDocument(clauses=clauses, summary=result.summary, exit_code=result.exit_code, meta=result.meta)
    return msgspec.json.format(encode_json(whole), indent=2) + b"\n"
