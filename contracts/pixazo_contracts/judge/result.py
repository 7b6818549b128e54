"""The result of a run, with all that reports need, as NDJSON and plain JSON; its cURL lines take keys from the environment."""

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
    """Which run this is the result of; `cut` says what its trace lacks if it is not `complete`.

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
    """A clause that was planned and not judged, and why not; `fails`: the run ends with exit code 13 because of it."""

    clause: str
    why: str
    fails: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many clauses have which outcome, how many were planned and judged, and which are `missing`, core ones first.

    Planned are those that a probe that was carried out feeds, if the target has what they need. `not_compared` says why clauses
    that the baseline observed were not compared.
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
    """The life of one generation in seconds of the run: when each state was first seen, and when callbacks arrived."""

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
    """Everything that reports are made from."""

    meta: Meta
    verdicts: tuple[Verdict, ...]
    timelines: tuple[Timeline, ...]
    summary: Summary
    exit_code: int

    @property
    def by_id(self) -> dict[str, Verdict]:
        return {verdict.clause: verdict for verdict in self.verdicts}

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong with the run itself or with the terms of its judgement, most important first."""
        meta = self.meta
        return tuple(filter(None, (meta.unusable, meta.spend_stopped, meta.cut, *self.summary.stale)))


def _shell_escape(character: str) -> str:
    # The bytes, which mean the same in every locale; an unpaired surrogate may stand for a byte of a command line.
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "\\n" if character == "\n" else "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


def shell_word(text: str) -> str:
    """The text as one shell word; `$'...'` if it contains characters that cannot be seen or copied."""
    if visible(text) == text:
        return shlex.quote(text)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(each if visible(each) == each else _shell_escape(each) for each in quoted) + "'"


def key_variable(account: str) -> str:
    """The environment variable for the key of an account, in the commands of a report."""
    return f"KEY_OF_{re.sub('[^A-Za-z0-9]', '_', account).upper()}"


def _key(exchange: Exchange) -> str:
    """The header that sends the key, as a shell word, with the key from the environment: a report never contains a key."""
    match exchange.account, exchange.placement:
        case ("unknown", _):
            return f"'{KEY_HEADER}: no-such-key'"
        case ("blank", _):
            return f"'{KEY_HEADER};'"
        case (_, "bearer"):
            return '"Authorization: Bearer $PIXAZO_API_KEY"'
        case ("default", _):
            return f'"{KEY_HEADER}: $PIXAZO_API_KEY"'
        case (account, _):
            return f'"{KEY_HEADER}: ${key_variable(account)}"'


def curl_line(exchange: Exchange) -> str:
    """The request as one cURL line for a shell; a body that was not kept or is too long is named instead."""
    headers = [_key(exchange)] if exchange.account else []
    headers += (shell_word(f"{name}: {value}") for name, value in exchange.request_headers)
    # With -X HEAD alone cURL would wait for the body whose length a response to HEAD announces; --head cannot send a body.
    is_head, sends = exchange.method == "HEAD", bool(exchange.request_size)
    asks = "--head" if is_head and not sends else f"-i -X {exchange.method}{' --max-time 10' if is_head else ''}"
    parts = ["curl", asks, shell_word(exchange.url), *(f"-H {header}" for header in headers)]
    body = exchange.request_body
    if body is not None and len(body) <= LONGEST_BODY:
        parts += ["--data-raw", shell_word(body)]
    elif sends:
        where = f"see probe {exchange.probe!r}, {exchange.case!r}"
        parts.append(f"--data-binary @body  # {exchange.request_size} bytes: {where}")
    return " ".join(parts)


def _timeline(generation: Generation) -> Timeline:
    submit, seen, states = generation.submit, generation.seen, dict[str, float]()
    for read in seen:
        states.setdefault(str(read.state), read.finished)
    return Timeline(
        request_id=generation.request_id,
        operation=submit.operation,
        case=submit.case,
        submitted=submit.finished,
        states=tuple(states.items()),
        last=(seen[-1] if seen else submit).finished,
        reads=len(generation.reads),
        callbacks=tuple(callback.at for callback in generation.callbacks),
    )


def describe(trace: Trace) -> Meta:
    """The run that a trace is from."""
    footer = trace.footer
    settings = [*(item.name for item in fields(Profile) if item.name != "origin"), "loopback", "limited"]
    # Header, footer and result use the same names for what they share.
    recorded = msgspec.to_builtins(trace.header) | (msgspec.to_builtins(footer) if footer else {})
    counted = {
        "origin": trace.profile.origin,
        "seconds": round(footer.seconds if footer else max((e.finished for e in trace.exchanges), default=0.0), 3),
        "exchanges": len(trace.exchanges),
        "callbacks": len(trace.callbacks),
        "complete": footer is not None,
        # A run that was cut short has counted nothing: each exchange says whether it was charged for.
        "generations_spent": footer.generations_spent if footer else sum(e.spent for e in trace.exchanges),
        "cut": trace.cut,
        "settings": {name: json.dumps(getattr(trace.profile, name)) for name in settings},
    }
    return msgspec.convert(recorded | counted, Meta)


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
    """The result of judging a trace; with `strict` any missing clause fails the run, otherwise only a core one."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    judged, fed = sum(counts[outcome] for outcome in JUDGED), feeders(carried_out(trace))
    missing = [
        Missing(clause=each.clause, why=f"{each.outcome.value}: {each.reason}", fails=strict or BY_ID[each.clause].core)
        for each in verdicts
        if each.outcome not in JUDGED | {Outcome.SKIPPED} and BY_ID[each.clause].is_planned(fed, trace.profile)
    ]
    missing.sort(key=lambda each: not BY_ID[each.clause].core)
    summary = Summary(
        outcomes={outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]},
        judged=judged,
        selected=len(verdicts),
        total=len(CATALOGUE),
        planned=judged + len(missing),
        missing=tuple(missing),
        excused=tuple(sorted(excused)),
        stale=stale,
        not_compared=dict(not_compared or {}),
    )
    by_number = {exchange.number: exchange for exchange in trace.exchanges}

    def repeatable(finding: Finding) -> Finding:
        exchange = by_number.get(finding.exchange or 0)
        return finding if exchange is None else replace(finding, curl=curl_line(exchange))

    return Result(
        meta=describe(trace),
        verdicts=tuple(replace(verdict, findings=tuple(map(repeatable, verdict.findings))) for verdict in verdicts),
        timelines=tuple(_timeline(generation) for generation in trace.generations if generation.reads),
        summary=summary,
        exit_code=exit_code,
    )


@dataclass(frozen=True, slots=True)
class _End:
    summary: Summary
    exit_code: int


def to_ndjson(result: Result) -> bytes:
    """The canonical form: a meta line, one line per verdict, one per timeline, and a last line, without which it is cut."""
    lines: list[tuple[str, object]] = [("meta", result.meta)]
    lines += [("verdict", verdict) for verdict in result.verdicts]
    lines += [("timeline", timeline) for timeline in result.timelines]
    lines.append(("end", _End(result.summary, result.exit_code)))
    return b"".join(encode_json({name: value}) + b"\n" for name, value in lines)


_KINDS: Final[dict[str, type[object]]] = {"meta": Meta, "verdict": Verdict, "timeline": Timeline, "end": _End}


class JudgedClause(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in the plain JSON form, with what the clause requires, the section of the page, and its strength."""

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
    named = ({"clause": clause} | msgspec.to_builtins(each) for clause, each in plain.clauses.items())
    verdicts = msgspec.convert(list(named), tuple[Verdict, ...])
    return Result(meta=plain.meta, verdicts=verdicts, timelines=(), summary=plain.summary, exit_code=plain.exit_code)


def _all(records: list[object], kind: type[T]) -> tuple[T, ...]:
    return tuple(record for record in records if isinstance(record, kind))


def _from_ndjson(data: bytes) -> Result:
    records: list[object] = [decode_tagged(line, _KINDS) for line in data.splitlines()]
    match _all(records, Meta), _all(records, _End):
        case (meta,), (_End(summary, exit_code),):
            verdicts, timelines = _all(records, Verdict), _all(records, Timeline)
            return Result(meta=meta, verdicts=verdicts, timelines=timelines, summary=summary, exit_code=exit_code)
        case _:
            raise ValueError("its first or last line is missing: it was cut")


def load_result(path: Path) -> Result:
    """Read a `result.ndjson`, a `result.json`, or a directory with the former.

    Raises `InvalidResultError` when it is cut or not a result, OSError when it cannot be read.
    """
    file = path / "result.ndjson" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        raise InvalidResultError(f"{file}: there is no result: make it by pixazo-contracts judge {path} --out {path}")
    data = file.read_bytes()
    try:
        return _from_json(data) if data.startswith(b"{\n") else _from_ndjson(data)
    except (msgspec.DecodeError, ValueError, KeyError, RecursionError) as error:
        raise InvalidResultError(f"{path} is not a result of this suite ({error}): name a result.ndjson") from None


def to_json(result: Result) -> bytes:
    """The result for other programs: `clauses` by id, `summary`, `exit_code`, and which run it was."""
    clauses: dict[str, JudgedClause] = {}
    for verdict in result.verdicts:
        clause = BY_ID[verdict.clause]
        said = {name: getattr(clause, name) for name in ("requirement", "section", "strength", "core")}
        merged = msgspec.to_builtins(verdict) | msgspec.to_builtins(said)
        clauses[verdict.clause] = msgspec.convert(merged, JudgedClause)
    whole = ResultDocument(clauses=clauses, summary=result.summary, exit_code=result.exit_code, meta=result.meta)
    return msgspec.json.format(encode_json(whole), indent=2) + b"\n"
