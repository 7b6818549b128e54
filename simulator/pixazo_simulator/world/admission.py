"""The checks that a submit passes, in order; the first refusal wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import UNSET

from pixazo_simulator.script import End
from pixazo_simulator.spec import (
    CALLBACK_MEMBER,
    DEFAULT_DURATION,
    DEFAULT_RESOLUTION,
    LONGEST_URL,
    MODEL_ID,
    WEBHOOK_URL_HEADER,
    BodyTooLarge,
    Broken,
    Findings,
    ImageFacts,
    InsufficientFunds,
    InvalidBody,
    InvalidKey,
    InvalidParameters,
    KeySuspended,
    Magic,
    MissingKey,
    ModelNotFound,
    Operation,
    Parameters,
    Policy,
    Problem,
    Refusal,
    Rule,
    Throttled,
    UnsupportedMediaType,
    check,
    decode,
    names,
    unknown_member,
    url_problem,
)

from .state.charge import affords
from .state.ledger import Ledger
from .state.quota import Quota

_NO_IMAGES: Mapping[str, ImageFacts] = {}

_IGNORED = {
    Rule.URL: "it is no absolute http or https URL, and policy bad_webhook_url ignores that",
    Rule.URL_LENGTH: f"it is longer than {LONGEST_URL} characters, and policy bad_webhook_url ignores that",
    Rule.HTTPS: "it is http and policy http_webhook_url refuses that",
}


class Call(msgspec.Struct, frozen=True, gc=False):
    """One POST to a submit path; `body` is None when it was too large to be read.

    `read` is what `decode` makes of it where that was done beforehand, in a turn of its own.
    """

    operation: Operation
    key: str
    body: bytes | None
    content_type: str | None
    origin: str
    model_id: str = MODEL_ID
    webhook_url: str | None = None
    webhook_mode: str | None = None
    read: Parameters | InvalidBody | InvalidParameters | None = None


class Standing(msgspec.Struct):
    """How the gateway regards one key: its money, its rate, and the switches that a test may set."""

    ledger: Ledger
    quota: Quota
    suspended: bool = False
    broken: bool = False
    model_enabled: bool = True
    magic: bool = True
    images: Mapping[str, ImageFacts] = {}
    affords: Callable[[Ledger, int, int], bool] = affords


class Submission(msgspec.Struct, frozen=True):
    """What a call asks for once every check has passed: seconds, resolution, millionths of a dollar, where to call back.

    `end` and `stuck` are what a script wants of it.
    """

    duration: float
    resolution: str
    price: int
    fails: tuple[Problem, ...]
    magic: Magic
    header_url: str | None
    member_url: str | None
    prompt: str = ""
    end: End | None = None
    stuck: bool = False


def admit_read(standing: Standing | None, key: str, policy: Policy, now: int) -> Refusal | None:
    """The checks before a status read: key, standing, rate."""
    refusal = _check_key(standing, key)
    if refusal or standing is None:
        return refusal
    return _check_standing(standing) or _check_rate(standing, policy, now, submit=False)


def _check_key(standing: Standing | None, key: str) -> Refusal | None:
    if not key.strip():
        return MissingKey()
    return InvalidKey() if standing is None else None


def _check_standing(standing: Standing) -> Refusal | None:
    if standing.broken:
        return Broken()
    return KeySuspended() if standing.suspended else None


def _check_rate(standing: Standing, policy: Policy, now: int, *, submit: bool) -> Refusal | None:
    limit = policy.rate_limit
    if limit is None or (limit.submits_only and not submit):
        return None
    wait = standing.quota.take(limit, now)
    return Throttled(wait) if wait is not None else None


class Admission:
    """One submit on its way through the checks, in the order of policy `check_order`."""

    __slots__ = ("_call", "_findings", "_now", "_policy", "_read", "_standing")

    def __init__(self, call: Call, standing: Standing | None, policy: Policy, now: int) -> None:
        self._call = call
        self._standing = standing
        self._policy = policy
        self._now = now
        self._read: Parameters | InvalidParameters = Parameters()
        self._findings = Findings()

    def decide(self) -> Submission | Refusal:
        """Run the checks; when none refuses, the submission."""
        return self.refusal() or self._submission()

    def refusal(self) -> Refusal | None:
        """Run the checks; the first refusal ends them."""
        for name in self._policy.check_order:
            refusal = _CHECKS[name](self)
            if refusal is not None:
                return refusal
        return None

    def key(self) -> Refusal | None:
        """A key, and one that is known (AUTH-01, AUTH-03, AUTH-04)."""
        return _check_key(self._standing, self._call.key)

    def suspended(self) -> Refusal | None:
        """A key that may do this (AUTH-09)."""
        return _check_standing(self._standing) if self._standing else None

    def rate(self) -> Refusal | None:
        """Not too many calls (ERR-429-01)."""
        return _check_rate(self._standing, self._policy, self._now, submit=True) if self._standing else None

    def json(self) -> Refusal | None:
        """A JSON object, declared as such (HDR-02, SUBMIT-16, SUBMIT-17)."""
        call = self._call
        if call.body is None:
            return BodyTooLarge(self._policy.body_limit)
        if self._policy.content_type != "ignore" and not _is_json(call.content_type):
            return UnsupportedMediaType(call.content_type)
        read = decode(call.body, call.operation) if call.read is None else call.read
        if isinstance(read, InvalidBody):
            return read
        self._read = read
        return None

    def model(self) -> Refusal | None:
        """A model that exists and is enabled (ERR-400-02)."""
        enabled = self._standing is None or self._standing.model_enabled
        return None if enabled and self._call.model_id == MODEL_ID else ModelNotFound(self._call.model_id)

    def parameters(self) -> Refusal | None:
        """Parameters of the right types that obey every rule (ERR-400-01)."""
        problems = self._unknown_members()
        if isinstance(self._read, InvalidParameters):
            return InvalidParameters((*self._read.problems, *problems))
        standing = self._standing
        images, magic = (standing.images, standing.magic) if standing else (_NO_IMAGES, False)
        self._findings = check(self._read, self._call.operation, self._policy, images, magic=magic)
        problems += [*self._findings.refused, *self._url_problems(self._read)]
        return InvalidParameters(tuple(problems)) if problems else None

    def funds(self) -> Refusal | None:
        """Money for the price (ERR-402-01)."""
        price = self._price()
        standing = self._standing
        if standing is None or standing.affords(standing.ledger, price, self._now):
            return None
        return InsufficientFunds(price)

    def ignored(self) -> list[str]:
        """Where an accepted call asks for callbacks that it will not get, and why."""
        call = self._call
        if call.webhook_url is None and call.read is None and CALLBACK_MEMBER.encode() not in (call.body or b""):
            return []
        self.json()
        read = self._read if isinstance(self._read, Parameters) else Parameters()
        unusable = [] if self._policy.bad_webhook_url == "refuse" else self._unusable_urls(read)
        told = {each.member: _IGNORED[each.rule] for each in unusable}
        if read.callback_url and self._policy.callback_url == "ignore":
            told[CALLBACK_MEMBER] = "policy callback_url says so"
        return [f"{member} ignored: {why}" for member, why in told.items()]

    def _unknown_members(self) -> list[Problem]:
        if self._policy.unknown_members == "ignore" or not self._call.body:
            return []
        return unknown_member(names(self._call.body), self._call.operation)

    def _url_problems(self, parameters: Parameters) -> list[Problem]:
        return [] if self._policy.bad_webhook_url == "ignore" else self._unusable_urls(parameters)

    def _unusable_urls(self, parameters: Parameters) -> list[Problem]:
        given = ((WEBHOOK_URL_HEADER, self._call.webhook_url), (CALLBACK_MEMBER, parameters.callback_url or None))
        return [
            Problem(channel, problem)
            for channel, url in given
            if isinstance(url, str) and (problem := self._url_problem(url))
        ]

    def _url_problem(self, url: str) -> Rule | None:
        plain = self._policy.http_webhook_url == "refuse" and url[:5].lower() == "http:"
        return url_problem(url) or (Rule.HTTPS if plain else None)

    def _frame(self) -> tuple[float, str]:
        read = Parameters() if isinstance(self._read, InvalidParameters) else self._read
        return (
            DEFAULT_DURATION if read.duration is UNSET else read.duration,
            DEFAULT_RESOLUTION if read.resolution is UNSET else read.resolution,
        )

    def _price(self) -> int:
        return self._policy.price.of(self._call.operation.name, *self._frame())

    def _submission(self) -> Submission:
        duration, resolution = self._frame()
        member = None if isinstance(self._read, InvalidParameters) else self._read.callback_url or None
        header, member = self._usable(self._call.webhook_url), self._usable(member)
        if self._policy.callback_url == "ignore" or (header and self._policy.both_channels == "header"):
            member = None
        if member and self._policy.both_channels == "member":
            header = None
        found = self._findings
        return Submission(
            duration, resolution, self._price(), tuple(found.fails), found.magic, header, member, self._prompt()
        )

    def _prompt(self) -> str:
        read = self._read
        return read.prompt if isinstance(read, Parameters) and isinstance(read.prompt, str) else ""

    def _usable(self, url: object) -> str | None:
        return url if isinstance(url, str) and not self._url_problem(url) else None


_CHECKS: Mapping[str, Callable[[Admission], Refusal | None]] = {
    "key": Admission.key,
    "suspended": Admission.suspended,
    "rate": Admission.rate,
    "json": Admission.json,
    "model": Admission.model,
    "parameters": Admission.parameters,
    "funds": Admission.funds,
}


def _is_json(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == "application/json"
