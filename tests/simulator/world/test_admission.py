"""The order of the checks that a submit passes."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock, patch

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.simulator.samples import START, account, call

from pixazo_simulator.spec.errors import (
    BodyTooLarge,
    Broken,
    InsufficientFunds,
    InvalidBody,
    InvalidKey,
    InvalidParameters,
    KeySuspended,
    MissingKey,
    ModelNotFound,
    Problem,
    Refusal,
    Throttled,
    UnsupportedMediaType,
    Violation,
)
from pixazo_simulator.spec.parameters import Magic
from pixazo_simulator.spec.policy import CHECKS, Policy, PriceList, RateLimit
from pixazo_simulator.world.account import Account
from pixazo_simulator.world.admission import Admission, Admitted, admit_read, refuse_key

HOOK = "http://127.0.0.1:9/header"
MEMBER = "http://127.0.0.1:9/member"
BOTH = {"webhook_url": HOOK, "members": {"callback_url": MEMBER}}

PAGE_ORDER: list[tuple[str, type]] = [
    ("key", InvalidKey),
    ("suspended", KeySuspended),
    ("rate", Throttled),
    ("json", InvalidBody),
    ("model", ModelNotFound),
    ("parameters", InvalidParameters),
    ("funds", InsufficientFunds),
]


def decide(what: Any = None, who: Account | None = None, *, known: bool = True, **policy: object) -> Admitted | Refusal:
    """The decision about one call under some policy."""
    holder = (who or account()) if known else None
    return Admission(what or call(), holder, Policy().changed(policy), START).decide()


def admitted(*what: Any, **policy: Any) -> Admitted:
    """The same about a call that must be admitted."""
    decided = decide(*what, **policy)
    assert isinstance(decided, Admitted)
    return decided


def with_faults(faults: set[str], order: list[str]) -> Admitted | Refusal:
    """The decision about a call that fails exactly these checks."""
    parts: dict[str, Any] = {"model_id": "minimax-hailuo-zz"} if "model" in faults else {}
    if "json" in faults:
        parts["body"] = b"{"
    elif "parameters" in faults:
        parts["body"] = b"{}"
    who = account(0 if "funds" in faults else 100_000_000, suspended="suspended" in faults)
    limit = "0/1" if "rate" in faults else "off"
    return decide(call(**parts), who, known="key" not in faults, check_order=order, rate_limit=limit)


@pytest.mark.parametrize("first", range(len(PAGE_ORDER)))
def test_the_first_check_that_fails_decides_the_response(first: int) -> None:
    """In the default order: everything from some check on fails, and that check's refusal is the response."""
    faults = {name for name, _ in PAGE_ORDER[first:]}
    assert isinstance(with_faults(faults, list(CHECKS)), PAGE_ORDER[first][1])


def test_without_faults_there_is_a_submission() -> None:
    """6 s, 768P, 0.35 dollars, nowhere to call back."""
    assert with_faults(set(), list(CHECKS)) == Admitted(6, "768P", 350_000, (), Magic(), "A bear")


@pytest.mark.slow
@given(faults=st.sets(st.sampled_from(CHECKS)), order=st.permutations(CHECKS))
def test_any_allowed_order_responds_with_its_first_failing_check(faults: set[str], order: list[str]) -> None:
    """A body that cannot be read fails `json`, and `parameters` then has nothing to judge; an unknown key has no standing."""
    assume(order.index("key") < min(map(order.index, ("suspended", "rate", "funds"))))
    assume(order.index("json") < min(map(order.index, ("parameters", "funds"))))
    unjudged = {"suspended", "rate", "funds"} if "key" in faults else set[str]()
    unjudged |= {"parameters"} if "json" in faults else set()
    failing = [name for name in order if name in faults - unjudged]
    decided = with_faults(faults, order)
    assert isinstance(decided, dict(PAGE_ORDER)[failing[0]] if failing else Admitted)


@pytest.mark.parametrize("key", ["", " ", "\t"])
def test_a_blank_key_is_a_missing_one(key: str) -> None:
    """Even where a world would have it."""
    assert decide(call(key=key)) == refuse_key(key) == MissingKey()


def test_a_read_passes_standing_and_rate() -> None:
    """In that order, and money does not matter."""
    limited = Policy().changed({"rate_limit": "1/60"})
    assert admit_read(account(suspended=True), limited, START) == KeySuspended()
    assert admit_read(account(broken=True, suspended=True), limited, START) == Broken()
    reader = account(0)
    assert admit_read(reader, limited, START) is None
    assert admit_read(reader, limited, START) == Throttled(60)


def test_reads_and_submits_share_one_window() -> None:
    """Unless the limit is for submits only."""
    for form, expected in [("1/60", Throttled), ("1/60 submits", Admitted)]:
        who, policy = account(), Policy().changed({"rate_limit": form})
        assert admit_read(who, policy, START) is None
        assert isinstance(decide(who=who, rate_limit=form), expected)


def test_a_refused_call_counts_too() -> None:
    """The limit is checked before the body is."""
    who = account()
    assert isinstance(decide(call(body=b"{"), who, rate_limit="1/60"), InvalidBody)
    assert decide(who=who, rate_limit="1/60") == Throttled(60)
    assert RateLimit.parse("1/60") == RateLimit(1, 60)


def test_a_body_that_was_not_read_is_too_large() -> None:
    assert decide(call(body=None, content_type=None), body_limit=17) == BodyTooLarge(17)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", " application/json ;"])
def test_json_by_any_spelling(content_type: str) -> None:
    """Case, parameters and spaces do not matter."""
    assert isinstance(decide(call(content_type=content_type)), Admitted)


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/jsonp", "application/ld+json"])
def test_anything_else_is_no_json(content_type: str | None) -> None:
    """Unless nobody asks."""
    assert decide(call(content_type=content_type)) == UnsupportedMediaType(content_type)
    assert isinstance(decide(call(content_type=content_type), content_type="ignore"), Admitted)


def test_types_and_unknown_members_are_reported_together() -> None:
    """This holds where unknown members are refused at all."""
    bad = call(members={"duration": "6", "seed": 1})
    values = ("a number", 'the string "6"')
    wrong, unknown = Problem("duration", Violation.WANTED, values), Problem("seed", Violation.UNKNOWN, ("",))
    assert decide(bad) == InvalidParameters((wrong,))
    assert decide(bad, unknown_members="refuse") == InvalidParameters((wrong, unknown))
    assert isinstance(decide(call(members={"seed": 1})), Admitted)
    assert decide(call(members={"seed": 1}), unknown_members="refuse") == InvalidParameters((unknown,))


def test_faults_of_every_kind_are_reported_together() -> None:
    """A wrong type hides neither a value out of range, nor a missing member, nor a wrong webhook URL."""
    bad = call(
        5, operation="imageToVideo", members={"duration": 7, "resolution": "", "aigc_watermark": 1}, webhook_url="a.test"
    )  # fmt: skip
    assert str(decide(bad)) == (
        "prompt must be a string, not the number 5; aigc_watermark must be true or false, not the number 1; "
        'duration must be one of 6, 10, not the number 7; resolution must be one of "768P", "1080P", not the string ""; '
        "first_frame_image is required; "
        "X-Webhook-URL must be an absolute http or https URL: it has no scheme such as https"
    )


def test_the_price_must_be_there_to_the_millionth() -> None:
    """And it is the price of the frame asked for."""
    longer = call(members={"duration": 10})
    assert decide(longer, account(599_999)) == InsufficientFunds(600_000)
    decided = admitted(longer, account(600_000))
    assert (decided.price, decided.duration) == (600_000, 10)


def test_the_price_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is the only question about a submission."""
    price_of = Mock(return_value=600_000)
    monkeypatch.setattr(PriceList, "of", price_of)
    assert decide(call(), account(599_999)) == InsufficientFunds(600_000)
    price_of.assert_called_once()


def test_a_refund_that_lies_ahead_cannot_be_spent() -> None:
    who = account(0)
    who.ledger.refund(START + 1, 350_000, "a")
    assert decide(who=who) == InsufficientFunds(350_000)


@pytest.mark.parametrize(
    ("policy", "header", "member"),
    [
        ({}, HOOK, MEMBER),
        ({"both_channels": "header"}, HOOK, None),
        ({"both_channels": "member"}, None, MEMBER),
        ({"callback_url": "ignore"}, HOOK, None),
        ({"callback_url": "ignore", "both_channels": "member"}, HOOK, None),
    ],
)
def test_where_to_call_back(policy: dict[str, Any], header: str | None, member: str | None) -> None:
    decided = admitted(call(webhook_url=HOOK, members={"callback_url": MEMBER}), **policy)
    assert (dict(decided.urls).get("X-Webhook-URL"), dict(decided.urls).get("callback_url")) == (header, member)


@pytest.mark.parametrize("both", ["each", "header", "member"])
def test_one_channel_alone_is_always_called(both: str) -> None:
    """Policy `both_channels` is about both."""
    ways: list[tuple[dict[str, Any], tuple[str, str]]] = [
        ({"webhook_url": HOOK}, ("X-Webhook-URL", HOOK)),
        ({"members": {"callback_url": MEMBER}}, ("callback_url", MEMBER)),
    ]
    for more, expected in ways:
        decided = admitted(call(**more), both_channels=both)
        assert decided.urls == (expected,)


@pytest.mark.parametrize(
    ("url", "policy", "says"),
    [
        ("nonsense", {}, "must be an absolute http or https URL: it has no scheme such as https"),
        ("ftp://a.test/", {}, 'must be an absolute http or https URL: its scheme is "ftp"'),
        (HOOK, {"http_webhook_url": "refuse"}, "must be an https URL"),
    ],
)
def test_an_unusable_url_is_refused_by_its_channel(url: str, policy: dict[str, Any], says: str) -> None:
    """Header and member alike, each by its name; or both are ignored."""
    bad = call(webhook_url=url, members={"callback_url": url})
    assert str(decide(bad, **policy)) == f"X-Webhook-URL {says}; callback_url {says}"
    decided = admitted(bad, bad_webhook_url="ignore", **policy)
    assert decided.urls == ()


def test_an_empty_member_asks_for_nothing() -> None:
    """As many clients send it."""
    decided = admitted(call(members={"callback_url": ""}))
    assert decided.urls == ()


MEMBER_IGNORED = "callback_url ignored: policy callback_url=ignore: use X-Webhook-URL, or set callback_url=post"


def test_a_member_that_is_ignored_decides_nothing_else() -> None:
    """Whatever its value: neither its scheme nor its other faults are looked at."""
    for url in ("nonsense", "http://a.test/"):
        decided = admitted(call(members={"callback_url": url}), http_webhook_url="refuse", callback_url="ignore")
        assert decided.ignored == (MEMBER_IGNORED,)


@pytest.mark.parametrize(
    ("more", "policy", "expected"),
    [
        ({}, {}, []),
        ({"webhook_url": HOOK}, {}, []),
        ({"webhook_url": "https://a.test/"}, {"http_webhook_url": "refuse"}, []),
        (
            {"webhook_url": HOOK, "members": {"callback_url": "nonsense"}}, {"http_webhook_url": "refuse"},
            [
                ("X-Webhook-URL ignored: it is http (policies http_webhook_url=refuse, bad_webhook_url=ignore): "
                "give an https URL, or set http_webhook_url=accept"),
                "callback_url ignored: it has no scheme such as https (policy bad_webhook_url=ignore)",
            ],
        ),
        ({"members": {"callback_url": MEMBER}}, {"callback_url": "ignore"}, [MEMBER_IGNORED]),
        (BOTH, {"both_channels": "header"}, ["callback_url ignored: X-Webhook-URL was also given (policy both_channels=header)"]),
        (BOTH, {"both_channels": "member"}, ["X-Webhook-URL ignored: callback_url was also given (policy both_channels=member)"]),
        (BOTH, {"both_channels": "member", "callback_url": "ignore"}, [MEMBER_IGNORED]),
        ({"webhook_mode": " Terminal"}, {}, []),
        ({"webhook_mode": "sync"}, {"webhook_events": "header"}, []),
        ({"webhook_mode": "sync"}, {}, ["X-Webhook-Mode ignored: 'sync' (policy webhook_events=terminal)"]),
        ({"webhook_mode": "all"}, {"webhook_events": "header"}, ["X-Webhook-Mode ignored: 'all' (policy webhook_events=header)"]),
        ({"content_type": None}, {"content_type": "ignore"}, ["Content-Type ignored: it is absent (policy content_type=ignore)"]),
        (
            {"content_type": "text/plain"}, {"content_type": "ignore"},
            ["Content-Type ignored: 'text/plain' is not application/json (policy content_type=ignore)"],
        ),
        (
            {"members": {"durations": 10, "model": ""}}, {},
            [
                ("durations is not a parameter of this operation (did you mean duration?); "
                 "model is not a parameter of this operation: ignored by policy unknown_members")
            ],
        ),
    ],
)  # fmt: skip
def test_an_ignored_part_is_reported(more: dict[str, Any], policy: dict[str, Any], expected: list[str]) -> None:
    """The note names the part and the policy that ignores it."""
    fields: dict[str, Any] = {"bad_webhook_url": "ignore", **policy}
    decided = admitted(call(**more), **fields)
    assert list(decided.ignored) == expected


def test_a_webhook_url_that_is_too_long_is_refused_or_ignored() -> None:
    """In header and member alike, as policy `bad_webhook_url` says."""
    url = "http://a.test/" + "b" * 8000
    what = call(webhook_url=url, members={"callback_url": url})
    reported = "must be an absolute http or https URL: it is longer than 8000 characters"
    assert str(decide(what)) == f"X-Webhook-URL {reported}; callback_url {reported}"
    decided = admitted(what, bad_webhook_url="ignore")
    assert list(decided.ignored) == [
        f"{name} ignored: it is longer than 8000 characters (policy bad_webhook_url=ignore)"
        for name in ("X-Webhook-URL", "callback_url")
    ]


def test_of_a_large_body_with_unknown_members_the_names_are_read() -> None:
    """Ten are listed, with what is wrong otherwise, and the others counted."""
    members = {f"m{number}": 0 for number in range(900)} | {"duration": "x" * 70_000}
    refused = decide(call(members=members), unknown_members="refuse")
    assert isinstance(refused, InvalidParameters)
    assert [problem.member for problem in refused.problems] == ["duration", *(f"m{number}" for number in range(10))]
    assert refused.problems[-1].values == (", nor are 890 more",)


PROMPT = st.text(max_size=8) | st.sampled_from(["a" * 500, "a" * 501, "[[sim:failed x]]", "  "])
PLAIN = {
    "duration": st.sampled_from([6, 10, 6.0, 7, "6", None]),
    "resolution": st.sampled_from(["768P", "1080P", "480p", None]),
    "prompt_optimizer": st.sampled_from([True, False, None, 1]),
    "style": st.just("x"),
}
JUDGING = {
    "null_members": ("ignore", "refuse"), "blank_prompt": ("refuse", "accept"), "t2v_limits": ("i2v", "open"),
    "combo_1080p_10s": ("refuse", "accept", "fail"), "prompt_unit": ("code_points", "utf16", "bytes"),
    "unknown_members": ("ignore", "refuse"), "moderation": ("refuse", "fail"), "content_type": ("400", "ignore"),
    "price": ("*=0.35", "generate/6/768P=0.35,10=0.7,*=0.5"), "rate_limit": ("off", "5/60"), "concurrency": ("off", "1"),
    "check_order": (",".join(CHECKS), "json,parameters,key,suspended,rate,model,funds"),
}  # fmt: skip
PARTS: list[dict[str, Any]] = [
    {}, {"content_type": "application/json; charset=utf-8"}, {"content_type": "text/plain"}, {"content_type": None}, {"key": " "},
    {"model_id": "another"}, {"webhook_url": "https://a.test/"}, {"webhook_mode": "sync"}, {"outcome": "failed"},
    {"operation": "imageToVideo"}, {"suspended": True}, {"broken": True}, {"model_enabled": False},
]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=500)
@given(
    members=st.just({"prompt": "A bear"}) | st.fixed_dictionaries({"prompt": PROMPT}, optional=PLAIN),
    values=st.just(dict[str, str]())
    | st.fixed_dictionaries({}, optional={name: st.sampled_from(each) for name, each in JUDGING.items()}),
    parts=st.sampled_from(PARTS),
    balance=st.sampled_from([10**9, 0]),
)
def test_what_is_admitted_plainly_is_admitted_by_all_checks(
    members: dict[str, Any], values: dict[str, str], parts: dict[str, Any], balance: int
) -> None:
    """Under any policy, with the same result, and none of them has a question."""
    switches = {name: value for name, value in parts.items() if isinstance(value, bool)}
    sent = {name: value for name, value in parts.items() if name not in switches}
    policy, asked = Policy().changed(values), call(body=msgspec.json.encode(members), **sent)
    who = account(balance, **switches)
    if plainly := Admission(asked, who, policy, START).plainly():
        with patch.object(Admission, "plainly", return_value=None):
            admission = Admission(asked, who, policy, START)
            assert (admission.decide(), admission.decided_by) == (plainly, [])


def test_an_ordinary_submission_is_admitted_plainly() -> None:
    body = b'{"prompt":"A bear","duration":10,"resolution":"768P","prompt_optimizer":true,"aigc_watermark":false}'
    assert Admission(call(body=body), account(), Policy(), START).plainly()
