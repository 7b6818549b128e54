"""The policy: every field read, written and refused; the two profiles."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.control import PolicyFields
from pixazo_simulator.spec.policy import CHECKS, PROFILES, Policy, points, rows
from pixazo_simulator.spec.text import nearest

VALUES: dict[str, list[str]] = {
    "public_origin": [
        "caller",
        "forwarded",
        "https://gateway.pixazo.ai",
        "http://[::1]:8900",
        "https://a.test/pixazo/v1",
    ],
    "rate_limit": ["off", "60/60", "5/60 submits"],
    "check_order": ["key,suspended,rate,json,model,parameters,funds", "model,json,parameters,key,funds,rate,suspended"],
    "body_limit": ["0", "1048576", "1073741824"],
    "price": ["*/6/*=0.35, */10/*=0.60, */*/*=0.60", "generate/6/1080P=1.00, */*/*=0.000001"],
    "job_times": ["2+13", "5-20+60-180", "0+0", "polls:2", "polls:1+3"],
    "concurrency": ["off", "1", "999999"],
    "webhook_retries": ["none", "5,300,1800", "0"],
    "webhook_allow": ["none", "hooks.test", "hooks.test,10.0.0.7", "::1,fe80::1%25lo,::ffff:10.0.0.7"],
    "read_delay": ["0", "1500", "86400000"],
    "media_origin": ["same", "page", "https://media.test", "http://localhost:8900"],
    "media_user_agents": ["none", "Python-urllib", "Python-urllib,curl/8"],
    "webhook_timeout": ["0", "15", "3600"],
    "retention": ["forever", "media=86400", "status=3600,media=86400"],
}
"""Texts of the fields whose values are not words from a list."""


def texts(name: str) -> list[str]:
    """Every choice of a field, or examples where the choices are without end."""
    return VALUES.get(name) or points()[name].forms.split(" | ")


FIELDS = [(name, text) for name in points() for text in texts(name)]


def test_every_row_of_the_table_is_a_field_or_decided() -> None:
    """72 rows, each once, in order; type checkers know every field, with the words that it takes."""
    assert [row.row for row in rows()] == list(range(1, 73))
    assert [row.field for row in rows() if row.field in points()] == list(points())
    typed = {name: set(get_args(hint)) - {bool, int} for name, hint in get_type_hints(PolicyFields).items()}
    assert list(typed) == list(points())
    for name, words in typed.items():
        if name not in VALUES:
            assert {word for each in words for word in get_args(each) or (each,)} == set(texts(name))


@pytest.mark.parametrize("profile", ["documented", "observed"])
@pytest.mark.parametrize(("name", "text"), FIELDS)
def test_every_value_is_read_and_written(profile: str, name: str, text: str) -> None:
    """What is set comes back as the same text, changes nothing else, and can be set again."""
    base = PROFILES[profile]
    changed = base.changed({name: text})
    assert changed.text(name) == text
    assert {other for other in points() if changed.text(other) != base.text(other)} <= {name}
    assert changed.changed({name: changed.text(name)}) == changed


@pytest.mark.parametrize("profile", ["documented", "observed"])
def test_a_whole_policy_round_trips_through_its_texts(profile: str) -> None:
    """Either profile can be written down and read over the other."""
    policy = PROFILES[profile]
    written = {name: policy.text(name) for name in points()}
    for base in PROFILES.values():
        assert base.changed(written) == policy


def test_the_profile_observed_differs_where_the_table_says() -> None:
    """And nowhere else. Being in the profile makes no value observed: its label says how it is known."""
    documented, observed = PROFILES["documented"], PROFILES["observed"]
    assert documented == Policy()
    differing = [name for name in points() if observed.text(name) != documented.text(name)]
    assert {decision.field: (decision.value, decision.label) for decision in observed.decisions(differing)} == {
        "request_id": ("thirteen", "vendor"),
        "query_key": ("accept", "inferred"),
        "forbidden": ("apim_quota", "inferred"),
        "rate_limit": ("60/60", "observed"),
        "insufficient_balance": ("required", "vendor"),
        "content_type": ("ignore", "assumed"),
        "timestamps": ("mixed", "vendor"),
        "job_times": ("5-20+60-180", "observed"),
        "webhook_events": ("header", "vendor"),
        "callback_url": ("ignore", "assumed"),
        "bad_webhook_url": ("ignore", "assumed"),
        "http_webhook_url": ("refuse", "vendor"),
        "retention": ("media=86400", "vendor"),
        "cors": ("on", "assumed"),
        "submit_code": ("200", "vendor"),
        "media_user_agents": ("Python-urllib", "observed"),
    }


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"cors": True}, "on"),
        ({"cors": False}, "off"),
        ({"submit_code": 200}, "200"),
        ({"read_delay": 1500}, "1500"),
        ({"webhook_retries": [1, 2]}, "1,2"),
        ({"webhook_retries": []}, "none"),
        ({"webhook_allow": ["A.test", "b.test"]}, "a.test,b.test"),
        ({"job_times": " 1+1 "}, "1+1"),
    ],
)
def test_values_of_a_toml_file_are_read(values: dict[str, Any], text: str) -> None:
    """Booleans, numbers and lists need no quotes there."""
    (name,) = values
    assert Policy().changed(values).text(name) == text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("submit_kode", "200", "policy field 'submit_kode' does not exist (did you mean submit_code?)"),
        ("number_forms", "integral", "policy point 'number_forms' cannot be set: it is always integral"),
        ("queued_to_end", True, "policy field queued_to_end: 'true' is not one of no, yes"),
        ("submit_code", "201", "policy field submit_code: '201' is not one of 202, 200"),
        ("timestamps", "mixd", "'mixd' is not one of rfc3339, mixed (did you mean mixed?)"),
        ("read_delay", "-1", "'-1' is not a whole number from 0 to 86400000"),
        ("read_delay", "86400001", "'86400001' is not a whole number from 0 to 86400000"),
        ("webhook_retries", "5;300", "'5;300' is not none or at most 20 pauses in seconds"),
        ("webhook_retries", ",".join(["1"] * 21), "is not none or at most 20 pauses in seconds"),
        ("public_origin", "gateway.pixazo.ai", "is not caller, forwarded or an origin such as https://gateway.pixazo.ai"),
        ("media_origin", "forwarded", "'forwarded' is not same, page or an origin such as https://media.example.com"),
        ("media_origin", "https://a.test/v1", "is not same, page or an origin such as https://media.example.com"),
        ("media_user_agents", "curl,é", "'curl,é' is not none or at most 20 prefixes of a User-Agent"),
        ("media_user_agents", ",".join("a" * 21), "is not none or at most 20 prefixes of a User-Agent"),
        ("webhook_timeout", "3601", "'3601' is not a whole number from 0 to 3600"),
        ("webhook_allow", "http://a.test/", "'http://a.test/' is not a host name or address without port"),
        ("webhook_allow", "a.test,b.test:80", "'b.test:80' is not a host name or address without port"),
        ("public_origin", "https://a.test:99999", "is not caller, forwarded or an origin"),
        *(
            ("public_origin", f"https://a.test{path}", "is not caller, forwarded or an origin")
            for path in ("/v1?x", "/v1#x", "//v1", "/../v1", "/a b", "/ä", f"/{'a' * 1000}")
        ),
        ("public_origin", "https://me@a.test/v1", "is not caller, forwarded or an origin"),
        ("check_order", "key,json", "is not an order of key,suspended,rate,json,model,parameters,funds: name each once"),
        ("check_order", "funds,key,suspended,rate,json,model,parameters", "before the key is known"),
        ("check_order", "key,suspended,rate,parameters,json,model,funds", "before the body is read"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_refused_by_field_value_and_remedy(name: str, value: str, expected: str) -> None:
    with pytest.raises(ValueError, match=r"policy (field|point)") as refused:
        Policy().changed({name: value})
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_nothing_is_set_when_one_value_is_wrong() -> None:
    """A policy is a value: the one at hand stays what it is."""
    policy = Policy()
    with pytest.raises(ValueError, match="submit_code"):
        policy.changed({"cors": "on", "submit_code": "201"})
    assert policy == PROFILES["documented"]


@given(st.permutations(CHECKS))
def test_an_order_is_taken_unless_a_check_would_lack_what_it_needs(order: list[str]) -> None:
    """The key first of suspended, rate and funds; the body first of parameters and funds."""
    needs = {"key": ("suspended", "rate", "funds"), "json": ("parameters", "funds")}
    possible = all(order.index(first) < order.index(then) for first, others in needs.items() for then in others)
    try:
        assert Policy().changed({"check_order": order}).check_order == tuple(order)
        assert possible
    except ValueError:
        assert not possible


@given(name=st.sampled_from(sorted(points())), value=st.text() | st.integers() | st.floats() | st.lists(st.text()))
def test_no_value_does_worse_than_a_value_error(name: str, value: object) -> None:
    """Whatever is set from outside is refused as such, or read; and what is read can be written and read again."""
    try:
        changed = Policy().changed({name: value})
    except ValueError:
        return
    assert changed.changed({name: changed.text(name)}) == changed


def test_a_near_word_is_suggested() -> None:
    assert nearest("genrate", ("generate", "imageToVideo")) == " (did you mean generate?)"
    assert nearest("zebra", ("generate", "imageToVideo")) == ""


def test_a_word_far_longer_than_any_is_near_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused without comparing it: that would take seconds."""
    monkeypatch.setattr("difflib.get_close_matches", None)
    assert nearest("generate" * 100_000, ("generate", "imageToVideo")) == ""
    assert nearest("generate", ()) == ""


def test_a_value_has_at_most_10_000_characters() -> None:
    """A list is joined before it is counted."""
    longest = ",".join(["a.test"] * 1428)
    assert len(Policy().changed({"webhook_allow": f"{longest}abcde"}).webhook_allow) == 1428
    for value in (f"{longest}abcdef", ["a.test"] * 1429):
        with pytest.raises(
            ValueError, match=r"^policy field webhook_allow: a value has at most 10000 characters, not 100\d\d$"
        ):
            Policy().changed({"webhook_allow": value})
