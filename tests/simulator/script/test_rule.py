"""One rule: what it may say, and its form in JSON."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixazo_simulator.script.facts import CALLS, KNOWN, Call
from pixazo_simulator.script.faults import (
    BeforeReply,
    ChangedMembers,
    CompletedWithoutMedia,
    ConnectionReset,
    Delay,
    Drop,
    Duplicate,
    EmptyReply,
    Hang,
    HtmlPage,
    MediaGone,
    NotFoundWindow,
    Reorder,
    ReplyLost,
    SlowDrip,
    StatusCode,
    Stuck,
    TruncatedBody,
    UniformDelay,
)
from pixazo_simulator.script.matchers import contains
from pixazo_simulator.script.rule import FAULTS as KINDS
from pixazo_simulator.script.rule import End, Reply, Rule, Step
from pixazo_simulator.spec import HAILUO

ENDS = st.builds(
    End,
    status=st.sampled_from(["FAILED", "ERROR"]),
    error=st.none() | st.text(max_size=5),
    queued=st.none() | st.integers(0, 9),
)
REPLIES = st.builds(
    Reply, status=st.integers(400, 599), json=st.just(msgspec.UNSET) | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    headers=st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.text("ab c", max_size=5), max_size=2),
    retry_after=st.none() | st.integers(0, 99),
)  # fmt: skip
FAULTS = st.lists(st.sampled_from([Delay(0.5), ConnectionReset(), SlowDrip(1.5, pieces=3)]), unique=True, max_size=3)
STEPS = st.builds(Step, reply=st.none() | REPLIES, faults=FAULTS.map(tuple), times=st.none() | st.integers(1, 5))
RULES = st.builds(
    Rule, when=st.just("generate"), end=ENDS, faults=FAULTS.map(tuple), times=st.none() | st.integers(1, 5), after=st.integers(0, 3),
    match=st.dictionaries(st.sampled_from(["prompt", "resolution"]), st.just({"contains": "a"}) | st.text(max_size=3), max_size=2),
    then=st.lists(STEPS, max_size=3).map(tuple), name=st.none() | st.text(max_size=5),
)  # fmt: skip


@pytest.mark.slow
@given(RULES)
def test_json_and_back_changes_nothing(rule: Rule) -> None:
    assert msgspec.convert(json.loads(json.dumps(rule.as_json())), Rule) == rule


def test_a_rule_is_rendered_without_its_defaults() -> None:
    """Conditions are written as JSON has them."""
    rule = Rule(
        when="generate", match={"prompt": contains("bear") & ~contains("cat")}, faults=(ConnectionReset(),), times=1
    )
    assert json.loads(json.dumps(rule.as_json())) == {
        "when": "generate",
        "match": {"prompt": {"all": [{"contains": "bear"}, {"not": {"contains": "cat"}}]}},
        "faults": [{"fault": "connection_reset"}],
        "times": 1,
    }
    assert str(rule) == "when generate, prompt (contains 'bear') and (not (contains 'cat'))"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (lambda: Rule(when="genrate"), r"when 'genrate' is not one of .* \(did you mean generate\?\)"),
        (lambda: Rule(when="generate", match={"promt": "x"}), r"has no fact 'promt' \(did you mean prompt\?\): known are"),
        (lambda: Rule(when="status", match={"webhook_url": "x"}), "has no fact 'webhook_url'"),
        (lambda: Rule(when="request", match={"prompt": "x"}), None),
        (lambda: Rule(when="request", match={"duration": 6}), "has no fact 'duration'"),
        (lambda: Rule(when="generate", match={"headers": "x"}), "headers 'x': give it names and their conditions"),
        (lambda: Rule(when="status", end=End(status="FAILED")), "only a submission can have an end"),
        (lambda: Rule(when="webhook", reply=Reply(500)), "a webhook has no reply: use a fault such as drop"),
        (lambda: Rule(when="status", faults=(Stuck(),)), "fault 'stuck' applies only to generate, imageToVideo, submit"),
        (lambda: Rule(when="request", faults=(MediaGone(),)), "fault 'media_gone' applies only to media"),
        (lambda: Rule(when="generate", then=(Step(faults=(Drop(),)),)), "fault 'drop' applies only to webhook"),
        (lambda: Rule(when="generate", reply=Reply(500), end=End(status="FAILED")), "reply and end exclude each other"),
        (lambda: Rule(when="generate", reply=Reply(500), faults=(Stuck(),)), "reply and fault 'stuck' exclude each other"),
        (lambda: Rule(when="generate", faults=(EmptyReply(), Stuck())), "fault 'empty_reply' and fault 'stuck' exclude"),
        (lambda: Rule(when="generate", end=End(status="FAILED"), faults=(Stuck(),)), "end and fault 'stuck' exclude"),
        (lambda: Rule(when="generate", reply=Reply(500), faults=(HtmlPage(),)), "reply and fault 'html_page' exclude"),
        (lambda: Rule(when="media", reply=Reply(500), faults=(MediaGone(),)), "reply and fault 'media_gone' exclude"),
        (lambda: Rule(when="status", faults=(StatusCode(), NotFoundWindow())), "faults 'status_code' and 'not_found_window' exclude"),
        (lambda: Rule(when="status", faults=(Hang(), ReplyLost())), "faults 'hang' and 'reply_lost' exclude each other"),
        (lambda: Rule(when="status", faults=(TruncatedBody(), ReplyLost())), "faults 'truncated_body' and 'reply_lost' exclude"),
        (lambda: Rule(when="webhook", faults=(Drop(), Duplicate())), "fault 'drop' leaves nothing for another to act on"),
        (lambda: Rule(when="webhook", faults=(Reorder(), Delay(1))), "faults 'reorder' and 'delay' exclude each other"),
        (lambda: Rule(when="webhook", faults=(BeforeReply(), Delay(1))), "faults 'before_reply' and 'delay' exclude each other"),
        (lambda: Rule(when="status", faults=(TruncatedBody(), ConnectionReset(), Delay(1), Delay(2))), None),
        (lambda: Rule(when="generate", end=End(after=3), faults=(ReplyLost(), Delay(1))), None),
        (lambda: UniformDelay(2, 1), "low 2 is more than high 1: write the smaller one first"),
    ],
)  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(rule: Any, problem: str | None) -> None:
    """With what is wrong and the remedy; one that means something is not."""
    if problem is None:
        rule()
        return
    with pytest.raises(ValueError, match=problem):
        rule()


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        (End, {}, "end is empty: give it a status, an error, seconds, or a progress"),
        (End, {"status": "FAILD"}, r"end 'FAILD' is not one of COMPLETED, FAILED, ERROR \(did you mean FAILED\?\)"),
        (End, {"status": "QUEUED"}, "end 'QUEUED' is not one of"),
        (End, {"status": "COMPLETED", "error": "x"}, "error 'x' belongs to status FAILED or ERROR, not COMPLETED"),
        (End, {"error": "x"}, "error 'x' belongs to status FAILED or ERROR, not None"),
        (End, {"after": 3, "queued": 1}, "after 3 excludes queued and processing: give one or the other"),
        (Reply, {"status": 200, "json": {}, "text": ""}, "json and text exclude each other: a reply has one body"),
        (Reply, {"status": 204, "text": "x"}, "status 204 has no body: leave json and text out"),
        (Reply, {"status": 304, "json": None}, "status 304 has no body"),
        (Reply, {"status": 200, "json": {1j}}, "json cannot be written as JSON"),
        (Reply, {"status": 200, "headers": {"a b": "x"}}, "header 'a b': 'x' cannot be sent"),
        (Reply, {"status": 200, "headers": {"a": "x\r\ny"}}, "cannot be sent: use a token as name and printable ASCII as value"),
        (Reply, {"status": 200, "headers": {"a": 3}}, "header 'a': 3 cannot be sent: use a token as name"),
        (Reply, {"status": 200, "headers": {"Content-Length": "3"}}, "header 'Content-Length' is computed: leave it out"),
        (Reply, {"status": 200, "headers": {"transfer-encoding": "chunked"}}, "is computed"),
    ],
)  # fmt: skip
def test_an_end_or_reply_that_means_nothing_is_refused(kind: type[Any], given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        kind(**given)


@pytest.mark.parametrize(
    ("step", "commits", "only_plans"),
    [
        (Step(), True, False),
        (Step(end=End(after=3)), True, True),
        (Step(faults=(Stuck(),)), True, True),
        (Step(faults=(Stuck(), ReplyLost())), True, False),
        (Step(end=End(after=3), faults=(Delay(1),)), True, False),
        (Step(reply=Reply(429)), False, False),
        (Step(faults=(StatusCode(),)), False, False),
        (Step(faults=(HtmlPage(),)), False, False),
        (Step(faults=(EmptyReply(),)), False, False),
        (Step(faults=(ConnectionReset(committed=False),)), False, False),
        (Step(faults=(ConnectionReset(),)), True, False),
    ],
)
def test_what_a_step_leaves_to_be_done(step: Step, commits: bool, only_plans: bool) -> None:
    """Whether the gateway does what it was asked; whether a refused submit leaves nothing to do."""
    assert (step.commits, step.only_plans) == (commits, only_plans)


def test_the_types_for_type_checkers_leave_nothing_out() -> None:
    """The words of `when`, the parameters of a submission, and a fault's operations, examples and exclusions."""
    words = {word for each in get_args(Call) for word in get_args(each)}
    assert words == {*CALLS}
    assert set(HAILUO[1].names) < KNOWN["generate"] == KNOWN["imageToVideo"]
    for kind, fault in KINDS.items():
        assert fault.applies_to <= set(KNOWN)
        assert fault.excludes <= set(KINDS) - {kind}


@pytest.mark.parametrize(
    "changed",
    [ChangedMembers(null=("output",)), ChangedMembers(remove=("output",)), ChangedMembers(set={"output": "x"})],
)
def test_a_completed_without_media_needs_no_output(changed: ChangedMembers) -> None:
    """Another fault of the rule may have changed it before."""
    members = changed.edit({"status": "COMPLETED", "output": {"media_url": ["x"], "media_type": "video/mp4"}})
    assert CompletedWithoutMedia().edit(members) == {"status": "COMPLETED", "output": {"media_url": []}}
