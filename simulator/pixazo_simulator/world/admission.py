"""The checks that a submission passes, in the order of policy `check_order`; the first refusal wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET

from pixazo_simulator import spec
from pixazo_simulator.script import End

from .account import Account

__all__ = ["Admission", "Admitted", "Submission", "refuse_key"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_OF_PARAMETERS = ("parameters", "funds")
"""Checks that need a body that was read."""

_SHOWN = 40


class Submission(msgspec.Struct, gc=False):
    """One POST to a submit path, with the `origin` for the URLs in the response; `outcome` is the header X-Sim-Outcome.

    `body` is None when it is longer than the policy allows; it is decoded once, when it is first needed.
    """

    operation: spec.Operation
    key: str
    body: bytes | None
    content_type: str | None
    origin: str
    model_id: str = spec.MODEL_ID
    webhook_url: str | None = None
    webhook_mode: str | None = None
    outcome: str = ""
    _members: dict[str, Any] | spec.InvalidBody | None = None

    @property
    def members(self) -> dict[str, Any] | spec.InvalidBody:
        if self._members is None:
            self._members = spec.members(self.body or b"")
        return self._members


class Admitted(msgspec.Struct, frozen=True):
    """What a submission asks for once every check has passed: seconds, resolution, price in millionths of a dollar.

    `fails` are problems with which the generation will end FAILED, `urls` the webhook URLs by channel, `ignored` the parts of the
    request without effect and why, `end` and `stuck` what a rule wants, `frame` the size of the first frame in pixels, where
    known, `decided_by` the fields of the policy with which another value would have judged the parameters otherwise.
    """

    duration: float
    resolution: str
    price: int
    fails: tuple[spec.Problem, ...]
    magic: spec.Magic
    prompt: str = ""
    urls: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    end: End | None = None
    stuck: bool = False
    frame: tuple[int, int] | None = None
    decided_by: tuple[str, ...] = ()


def admit_read(account: Account, policy: spec.Policy, now: int) -> spec.Refusal | None:
    """The checks before a status read with a known key: account, rate."""
    if account.broken or account.suspended:
        return _check_account(account)
    return None if policy.rate_limit is None else _check_rate(account, policy, now, submit=False)


def refuse_key(key: str) -> spec.Refusal:
    """Why a key that opens no world is refused."""
    return spec.InvalidKey() if key.strip() else spec.MissingKey()


def _check_account(account: Account) -> spec.Refusal | None:
    if account.broken:
        return spec.Broken()
    return spec.KeySuspended() if account.suspended else None


def _check_rate(account: Account, policy: spec.Policy, now: int, *, submit: bool) -> spec.Refusal | None:
    limit = policy.rate_limit
    if limit is None or (limit.submits_only and not submit):
        return None
    wait = account.quota.take(limit, now)
    return spec.Throttled(wait) if wait is not None else None


class Admission(msgspec.Struct):
    """One submission during the checks, each a method of its name; `decided_by`: points where another value decides otherwise."""

    _asked: Submission
    _account: Account | None
    _policy: spec.Policy
    _now: int
    _sent: Mapping[str, Any] = _NOTHING
    """The members of the body, none until it has been read, or if it cannot be."""
    _unknown: Sequence[spec.Problem] = ()
    _urls: Mapping[str, str] = _NOTHING
    """The webhook URLs that were sent, by channel."""
    _unusable: dict[str, spec.Problem] = {}
    """What is wrong with them."""
    _parameters: spec.Parameters = spec.Parameters()
    _type_problems: tuple[spec.Problem, ...] = ()
    _findings: spec.Findings | None = None
    _price: int | None = None
    decided_by: list[str] = []

    def decide(self) -> Admitted | spec.Refusal:
        """What is admitted, or the refusal of the first check that refuses."""
        return self.plainly() or self.refusal() or self._admitted()

    def plainly(self) -> Admitted | None:
        """What is admitted of a submission that passes in any order, as most do, in a third of the time; None: run the checks."""
        asked, account, policy = self._asked, self._account, self._policy
        if account is None or account.suspended or account.broken or not account.model_enabled:
            return None
        if policy.rate_limit or policy.concurrency is not None or asked.model_id != asked.operation.model_id:
            return None
        if not asked.key.strip() or not _is_json(asked.content_type) or not asked.body:
            return None
        if asked.webhook_url is not None or asked.webhook_mode or asked.outcome or not asked.operation.plain:
            return None
        if (found := spec.plain_parameters(asked.members)) is None:
            return None
        duration = spec.DEFAULT_DURATION if found.duration is UNSET else float(found.duration)
        resolution = spec.DEFAULT_RESOLUTION if found.resolution is UNSET else found.resolution
        self._price = price = policy.price.of(asked.operation.name, duration, resolution)
        if not account.affords(account.ledger, price, self._now):
            return None
        return Admitted(duration, resolution, price, (), spec.NO_MAGIC, found.prompt)

    def refusal(self) -> spec.Refusal | None:
        """Run the checks; the first refusal ends them."""
        order = self._policy.check_order
        for number, name in enumerate(order, 1):
            check: Callable[[], spec.Refusal | None] = getattr(self, name)
            if refusal := check():
                if self._is_contested(refusal, order[number:]):
                    self.decided_by.append("check_order")
                return refusal
        return None

    def _is_contested(self, refusal: spec.Refusal, later: tuple[str, ...]) -> bool:
        """Whether one of the checks that were not reached would have refused, too; this is not determined for large bodies and unknown callers."""
        body, account = self._asked.body, self._account
        if account is None or body is None or len(body) > spec.SMALL_BODY:
            return False
        unreadable = isinstance(refusal, spec.InvalidBody)
        limit, decided_by = self._policy.rate_limit, list(self.decided_by)

        def refuses(name: str) -> bool:
            if name == "rate":  # it would count the call
                return limit is not None and account.quota.is_used_up(limit, self._now)
            return not (unreadable and name in _OF_PARAMETERS) and getattr(self, name)() is not None

        is_contested = any(map(refuses, later))
        self.decided_by = decided_by
        return is_contested

    def key(self) -> spec.Refusal | None:
        """The key is present and known (AUTH-01, AUTH-03, AUTH-04)."""
        return None if self._account and self._asked.key.strip() else refuse_key(self._asked.key)

    def suspended(self) -> spec.Refusal | None:
        """The key may submit (AUTH-09)."""
        return _check_account(self._account) if self._account else None

    def rate(self) -> spec.Refusal | None:
        """The caller is within the rate limit, and has few enough unfinished generations (ERR-429-01)."""
        account, policy, now = self._account, self._policy, self._now
        if account is None or (policy.rate_limit is None and policy.concurrency is None):
            return None
        if limited := _check_rate(account, policy, now, submit=True):
            self.decided_by.append("rate_limit")
            return limited
        if crowded := account.unfinished.refuse(policy.concurrency, now):
            self.decided_by.append("concurrency")
        return crowded

    def _note(self, name: str, has_decided: object) -> None:
        if has_decided:
            self.decided_by.append(name)

    def json(self) -> spec.Refusal | None:
        """The body is a JSON object, declared as such (HDR-02, SUBMIT-16, SUBMIT-17)."""
        submission = self._asked
        if submission.body is None:
            self.decided_by.append("body_limit")
            return spec.BodyTooLarge(self._policy.body_limit)
        if not _is_json(submission.content_type):
            self.decided_by.append("content_type")
            if self._policy.content_type != "ignore":
                return spec.UnsupportedMediaType(submission.content_type)
        sent = submission.members
        if isinstance(sent, spec.InvalidBody):
            self.decided_by.append("malformed_body")
            return sent
        self._sent = sent
        self._parameters, self._type_problems = spec.parameters_of(sent, submission.operation, self._policy)
        return None

    def model(self) -> spec.Refusal | None:
        """The model exists and is enabled (ERR-400-02)."""
        enabled = self._account is None or self._account.model_enabled
        if enabled and self._asked.model_id == self._asked.operation.model_id:
            return None
        self.decided_by.append("unknown_model")
        return spec.ModelNotFound(self._asked.model_id)

    def parameters(self) -> spec.Refusal | None:
        """The parameters have the right types and obey every rule (ERR-400-01)."""
        account, asked, policy = self._account, self._asked, self._policy
        problems = [*self._type_problems]
        self._unknown = spec.unknown_member(self._sent, asked.operation)
        self._note("unknown_members", self._unknown)
        if policy.unknown_members != "ignore":
            problems += self._unknown
        images, magic = (account.images, account.magic) if account else (_NOTHING, False)
        found = spec.check(self._parameters, asked.operation, policy, images, magic=magic, outcome=asked.outcome)
        self._findings = found
        self.decided_by += found.decided_by
        typed = {each.member for each in self._type_problems}  # was omitted, which is not what is wrong with it
        problems += [each for each in found.refused if each.member not in typed]
        self._note_forms()
        if asked.webhook_url is not None or self._callback is not UNSET:
            self._find_webhooks()
            if policy.bad_webhook_url != "ignore":
                problems += self._unusable.values()
            self._note_webhooks()
        return spec.InvalidParameters(tuple(problems)) if problems else None

    def _note_forms(self) -> None:
        sent = self._sent
        optional = (each.name for each in self._asked.operation.parameters if not each.required)
        self._note("null_members", any(name in sent and sent[name] is None for name in optional))
        is_other_form = isinstance(sent.get("duration"), (str, bool, float))
        self._note("number_forms", is_other_form and self._asked.operation.on_page)

    def _note_webhooks(self) -> None:
        urls = self._urls
        self._note("empty_callback_url", self._callback == "")
        self._note("url_length", any(len(url) > spec.LONGEST_URL for url in urls.values()))
        is_refused = self._policy.http_webhook_url == "refuse"
        plain = [url for url in urls.values() if url[:5].lower() == "http:" and (is_refused or not _is_loopback(url))]
        self._note("http_webhook_url", plain)
        self._note("callback_url", spec.CALLBACK_MEMBER in urls or self._ignores_member)
        self._note("callback_events", urls.get(spec.CALLBACK_MEMBER))
        self._note("both_channels", len(urls) > 1)
        self._note("webhook_events", self._asked.webhook_mode and spec.WEBHOOK_URL_HEADER in urls)
        self._note("bad_webhook_url", self._unusable)

    def funds(self) -> spec.Refusal | None:
        """The wallet has enough for the price (ERR-402-01)."""
        price, account = self.price, self._account
        if account is None or account.affords(account.ledger, price, self._now):
            return None
        self._note("price", account.ledger.balance(self._now) > 0)
        return spec.InsufficientFunds(price)

    @property
    def price(self) -> int:
        """The price in millionths of a dollar."""
        if self._price is None:
            operation = self._asked.operation
            self._price = self._policy.price.of(operation.name, *self._frame(), operation.price_of(self._sent))
        return self._price

    def _frame(self) -> tuple[float, str]:
        duration, resolution = self._parameters.duration, self._parameters.resolution
        return (
            spec.DEFAULT_DURATION if duration is UNSET else duration,
            spec.DEFAULT_RESOLUTION if resolution is UNSET else resolution,
        )

    @property
    def _callback(self) -> object:
        return self._asked.operation.value(self._asked.operation.callback, self._sent)

    @property
    def _ignores_member(self) -> bool:
        """Whether a `callback_url` was sent that the policy ignores, whatever its value."""
        return bool(self._callback or None) and self._policy.callback_url == "ignore"

    def _find_webhooks(self) -> None:
        member, policy, operation = self._parameters.callback_url, self._policy, self._asked.operation
        if self._ignores_member or (member == "" and policy.empty_callback_url == "ignore"):
            member = UNSET
        sent = {spec.WEBHOOK_URL_HEADER: self._asked.webhook_url, spec.CALLBACK_MEMBER: member}
        self._urls = {channel: url for channel, url in sent.items() if isinstance(url, str)}
        for channel, url in self._urls.items():
            name = operation.callback or channel if channel == spec.CALLBACK_MEMBER else channel
            if fault := spec.url_problem(url):
                self._unusable[channel] = spec.Problem(name, spec.Violation.URL, (fault,))
            elif policy.http_webhook_url == "refuse" and url[:5].lower() == "http:":
                self._unusable[channel] = spec.Problem(name, spec.Violation.HTTPS)

    def _admitted(self) -> Admitted:
        found, prompt = self._findings or spec.Findings(), self._parameters.prompt
        duration, resolution = self._frame()
        urls, unsent = self._deliverable_urls()
        ignored = [f"{part} ignored: {why}" for part, why in (unsent | self._ignored_headers()).items()]
        if self._unknown:
            ignored.append(f"{'; '.join(map(str, self._unknown))}: ignored by policy unknown_members")
        # By position: this many keyword arguments would take longer than all the checks.
        return Admitted(
            duration, resolution, self.price, tuple(found.fails), found.magic, "" if prompt is UNSET else prompt, tuple(urls.items()),
            tuple(ignored), None, False, found.frame, tuple(found.decided_by),  # noqa: FBT003
        )  # fmt: skip

    def _deliverable_urls(self) -> tuple[dict[str, str], dict[str, str]]:
        """The webhook URLs that will be posted to, and why the others will not, by channel."""
        if self._asked.operation.response is not None:
            return {}, dict.fromkeys(self._urls, "this operation returns its media immediately")
        ignored = {channel: _why_ignored(each) for channel, each in self._unusable.items()}
        if self._ignores_member:
            ignored[spec.CALLBACK_MEMBER] = "policy callback_url=ignore: use X-Webhook-URL, or set callback_url=post"
        urls = {channel: url for channel, url in self._urls.items() if channel not in ignored}
        if len(urls) > 1 and self._policy.both_channels != "each":
            other = spec.CALLBACK_MEMBER if self._policy.both_channels == "header" else spec.WEBHOOK_URL_HEADER
            del urls[other]
            (only,) = urls
            ignored[other] = f"{only} was also given (policy both_channels={self._policy.both_channels})"
        return urls, ignored

    def _ignored_headers(self) -> dict[str, str]:
        kind, mode, found = self._asked.content_type, (self._asked.webhook_mode or "").strip(), dict[str, str]()
        if not _is_json(kind):
            shown = "it is absent" if kind is None else f"{spec.beginning(kind, _SHOWN)!r} is not application/json"
            found["Content-Type"] = f"{shown} (policy content_type=ignore)"
        events = self._policy.webhook_events
        known = ("terminal",) if events == "terminal" else ("terminal", "sync")
        if mode and mode.lower() not in known:
            found[spec.WEBHOOK_MODE_HEADER] = f"{spec.beginning(mode, _SHOWN)!r} (policy webhook_events={events})"
        return found


def _is_loopback(url: str) -> bool:
    """Whether a webhook stays on this machine: http is accepted there for tests, which is not an assumption about the gateway."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or spec.is_loopback_ip(host)


def _why_ignored(problem: spec.Problem) -> str:
    if problem.violation is spec.Violation.HTTPS:
        return (
            "it is http (policies http_webhook_url=refuse, bad_webhook_url=ignore): "
            "give an https URL, or set http_webhook_url=accept"
        )
    return f"{problem.values[0]} (policy bad_webhook_url=ignore)"


@lru_cache(maxsize=64)
def _is_json(content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == "application/json"
