"""The usage checks find each misuse once, and leave correct usage alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.pytest_pixazo.reports.records import BEAR, ID, MEDIA, Scenario

from pytest_pixazo.reports import conduct
from pytest_pixazo.reports.calls import Call, Traffic
from pytest_pixazo.reports.conduct import CHECKS, Finding, judge, misconduct, read_checks, report

OTHER, THIRD = ID.replace("0001", "0002"), ID.replace("0001", "0003")
KEY = "ocp-apim-subscription-key"


def polls(*seconds: float) -> Scenario:
    """A submission at 0 s, and reads that all return PROCESSING."""
    scenario = Scenario().submit()
    for second in seconds:
        scenario.read(second)
    return scenario


def polls_in_real_time(*seconds: float) -> Scenario:
    """The same by an app that waits in real time, while the world's clock stands still."""
    scenario = Scenario().submit(real=seconds[0])
    for second in seconds:
        scenario.read(0, real=second)
    return scenario


MISTAKES: dict[str, tuple[str, Scenario, tuple[int, ...]]] = {
    "a poll every second": ("poll-too-fast", polls(0, 1, 2, 3), (2, 3, 4, 5)),
    "a poll every 4 s": ("poll-too-fast", polls(0, 4, 8), (2, 3, 4)),
    "a loop without any pause": ("poll-too-fast", polls(0, 0, 0, 0), (2, 3, 4, 5)),
    "a poll every second of real time": ("poll-too-fast", polls_in_real_time(50, 51, 52, 53), (2, 3, 4, 5)),
    "a 429 repeated at once": (
        "retry-after-ignored",
        Scenario().submit(0, 429, request_id=None, retry_after="2").submit(1),
        (1, 2),
    ),
    "a date as Retry-After": (
        "retry-after-ignored",
        Scenario().submit(0, 503, request_id=None, retry_after="Tue, 31 Mar 2026 10:00:30 GMT").submit(29),
        (1, 2),
    ),
    "another body on a throttled route": (
        "retry-after-ignored",
        Scenario().submit(0, 429, request_id=None, retry_after="10").submit(3, body={"prompt": "A fox"}),
        (1, 2),
    ),
    "other bodies on a throttled route, without a pause": (
        "retry-after-ignored",
        Scenario().submit(0, 429, request_id=None, retry_after="10")
        .submit(0, 429, request_id=None, retry_after="10", body={"prompt": "A fox"}, real=0.2)
        .submit(0, 429, request_id=None, retry_after="10", body={"prompt": "An owl"}, real=0.4),
        (1, 3),
    ),
    "a throttled read repeated three times": (
        "retry-after-ignored",
        Scenario().refused_read(0, 429, retry_after="60").refused_read(5, 429, retry_after="60").read(10).read(70, "COMPLETED"),
        (1, 2, 3),
    ),
    "a 400 repeated": (
        "refusal-repeated",
        Scenario().submit(0, 400, request_id=None).submit(0, 400, request_id=None).submit(9, 400, request_id=None),
        (1, 2, 3),
    ),
    "a scripted 402 repeated": (
        "refusal-repeated",
        Scenario().submit(0, 402, request_id=None, rule="rule 1: when generate").submit(1).submit(2),
        (1, 2, 3),
    ),
    "a misspelt parameter": ("unknown-parameter", Scenario().submit(body={"prompt": "A fox", "durations": 10}), (1,)),
    "the other operation's parameter, twice": (
        "unknown-parameter",
        Scenario().submit(body={"prompt": "A fox", "first_frame_image": "x"})
        .submit(body={"prompt": "A bear", "first_frame_image": "x"}, request_id=OTHER),
        (1, 2),
    ),
    "a submit after a lost reply": (
        "charged-twice",
        Scenario().submit(0, faults=("reply_lost",)).submit(1, request_id=OTHER),
        (1, 2),
    ),
    "a submit after a time-out of the app": (
        "charged-twice",
        Scenario().submit(0, faults=("delay",), cut="the caller disconnected").submit(1, request_id=OTHER),
        (1, 2),
    ),
    "a submit after a 500 that had accepted it": (
        "charged-twice",
        Scenario().submit(0, 500).submit(1, request_id=OTHER),
        (1, 2),
    ),
    "a submit after two lost replies": (
        "charged-twice",
        Scenario().submit(0, faults=("hang",)).submit(1, request_id=OTHER, faults=("hang",)).submit(2, request_id=THIRD),
        (1, 2, 3),
    ),
    "a lost reply when a callback came twice": (
        "charged-twice",
        Scenario().generation().callback(15).callback(15, number=2)
        .submit(15, request_id=OTHER, faults=("reply_lost",)).submit(15, request_id=THIRD),
        (1, 2),
    ),
    "an end before which a callback came": ("stopped-early", Scenario().submit().generation().callback(10), (1,)),
    "an end that nobody learnt": ("stopped-early", polls(0, 5).generation(), (1, 2, 3)),
    "an end that was reported to nobody": ("stopped-early", Scenario().submit().generation("ERROR").callback(15, None), (1,)),
    "an end in a body that could not be read": (
        "stopped-early",
        Scenario().submit().read(15, "COMPLETED", faults=("truncated_body",)).generation(),
        (1,),
    ),
    "one look after ERROR": ("polled-after-end", polls(10).read(15, "ERROR").read(20, "ERROR"), (3, 4)),
    "two looks after COMPLETED": (
        "polled-after-end",
        Scenario().read(15, "COMPLETED").read(20, "COMPLETED").read(25, "COMPLETED"),
        (1, 2, 3),
    ),
    "four looks at once after COMPLETED": (
        "polled-after-end",
        Scenario().read(15, "COMPLETED").read(15, "COMPLETED").read(15, "COMPLETED").read(15, "COMPLETED"),
        (1, 2, 3, 4),
    ),
    "the key in a header of a download": ("key-given-away", Scenario().download(20, headers={KEY: "[redacted]"}), (1,)),
    "the key in the query of a download": (
        "key-given-away",
        Scenario().download(20, target=f"{MEDIA}?subscription-key=[redacted]"),
        (1,),
    ),
    "the key in another header of a download": (
        "key-given-away",
        Scenario().download(20, headers={"x-key": "key=[redacted]"}),
        (1,),
    ),
    "the key in X-Webhook-URL": (
        "key-given-away",
        Scenario().submit(headers={"x-webhook-url": "https://app.example/hook?key=[redacted]"}),
        (1,),
    ),
    "the key in callback_url": (
        "key-given-away",
        Scenario().submit(body={**BEAR, "callback_url": "https://app.example/[redacted]"}),
        (1,),
    ),
    "two downloads after two callbacks": (
        "duplicate-acted-on",
        Scenario().generation().callback(15).callback(15, number=2).download(15).download(15),
        (1, 2),
    ),
    "two submits after a callback repeated because of a 500": (
        "duplicate-acted-on",
        Scenario().generation().callback(15, 500, attempts=2).submit(15, request_id=OTHER).submit(20, request_id=OTHER),
        (1, 2),
    ),
}  # fmt: skip

HONEST: dict[str, Scenario] = {
    "polls every 5 s": polls(0, 5, 10).read(15, "COMPLETED").generation(),
    "polls every 5 s of real time": polls_in_real_time(50, 55, 60.2, 65),
    "a 429 repeated when its time in real time is over": (
        Scenario().submit(0, 429, request_id=None, retry_after="10", real=50).submit(0, real=60)
    ),
    "other requests that were under way when a 429 was answered": (
        Scenario().submit(0, 429, request_id=None, retry_after="2").submit(0, body={"prompt": "A fox"}, real=0.01)
        .submit(0, body={"prompt": "An owl"}, request_id=OTHER, real=0.2)
    ),
    "a request that was sent before a delayed 429 arrived": (
        Scenario().submit(0, 429, request_id=None, retry_after="9", faults=("uniform_delay",)).submit(0, real=3)
    ),
    "a last look at the deadline of a wait that is taken up again": polls(0, 6, 10, 10, 17),
    "a walk through the states by hand": polls(0, 2).read(15, "COMPLETED").generation(),
    "a read repeated because it failed": polls(0).refused_read(5, 502).refused_read(6, 502).read(7).read(12),
    "reads that confirm callbacks": (
        polls(0, 5, 10, 14).read(15, "COMPLETED").read(15, "COMPLETED").read(20, "COMPLETED").generation()
        .callback(15).callback(15, number=2).callback(20, number=3)
    ),
    "a read of ERROR that confirms a late callback": (
        polls(10).read(15, "ERROR").read(20, "ERROR").generation("ERROR").callback(20)
    ),
    "polls of two generations": polls(0, 5).read(1, request_id=OTHER).read(6, request_id=OTHER),
    "a 429 repeated when its time is over": Scenario().submit(0, 429, request_id=None, retry_after="2").submit(2),
    "a Retry-After that nobody can read": Scenario().submit(0, 429, request_id=None, retry_after="soon").submit(0),
    "another route meanwhile": Scenario().submit(0, 429, request_id=None, retry_after="60").read(5),
    "a Retry-After in a reply that never arrived": (
        Scenario().refused_read(0, 429, retry_after="60", faults=("connection_reset",)).read(1)
    ),
    "a 400 mended": Scenario().submit(0, 400, request_id=None).submit(0, 400, request_id=None, body={"prompt": "A fox"}),
    "a 400 of two users": Scenario().submit(0, 400, request_id=None).submit(9, 400, request_id=None),
    "a 400 of a user who tries again, now and then": (
        Scenario().submit(0, 400, request_id=None).submit(9, 400, request_id=None).submit(99, 400, request_id=None)
    ),
    "a 402 and then more money": Scenario().submit(0, 402, request_id=None).submit(1),
    "a misspelt parameter that was refused": Scenario().submit(0, 400, request_id=None, body={"prompt": "A fox", "durations": 10}),
    "the same submitted twice on purpose": Scenario().submit().submit(1, request_id=OTHER),
    "a submit after one that was never accepted": Scenario().submit(0, 502, request_id=None).submit(1),
    "another submit after a lost reply": Scenario().submit(faults=("hang",)).submit(1, body={"prompt": "A fox"}),
    "another webhook URL after a lost reply, or one that cannot be told from another": (
        Scenario().submit(faults=("hang",), headers={"x-webhook-url": "https://app.example/1"})
        .submit(1, headers={"x-webhook-url": "https://app.example/2"})
        .submit(2, faults=("hang",), headers={"x-webhook-url": "https://app.example/?token=[hidden]"})
        .submit(3, headers={"x-webhook-url": "https://app.example/?token=[hidden]"})
    ),
    "a test that ends before the generation": polls(0, 5).generation("PROCESSING", 2),
    "an end learnt by a callback alone": Scenario().submit().generation().callback(15),
    "an end learnt by a callback that was answered 500": Scenario().submit().generation().callback(15, 500),
    "a submit that nobody follows": Scenario().submit().generation(),
    "a generation whose id was lost": Scenario().submit(faults=("reply_lost",)).generation().callback(15, None),
    "a generation whose submit took too long to wait for": Scenario().submit(faults=("delay",)).generation().callback(15, None),
    "a look once a day": polls(10).read(15, "ERROR").read(86_400, "ERROR").read(172_800, "ERROR").generation("ERROR"),
    "a viewer who looks again, a day later": (
        polls(10).read(15, "COMPLETED").read(20, "COMPLETED").read(86_400, "COMPLETED").read(86_405, "COMPLETED").generation()
    ),
    "one look after COMPLETED": polls(10).read(15, "COMPLETED").read(3600, "COMPLETED").generation(),
    "a download with a bearer token of the app's own": Scenario().download(20, headers={"authorization": "[redacted]"}),
    "a secret of the app's own in a webhook URL": Scenario().submit(headers={"x-webhook-url": "https://app.example/hook?token=[hidden]"}),
    "the key where it belongs": Scenario().submit(headers={KEY: "[redacted]", "x-webhook-url": "https://app.example/hook"}),
    "one download after two callbacks": Scenario().generation().callback(15).callback(15, number=2).download(15),
    "a download before two callbacks and one after them": (
        Scenario().generation().download(16).callback(20).callback(20, number=2).download(20)
    ),
    "the same submitted twice before two callbacks": (
        Scenario().submit().submit(1, request_id=OTHER).generation().callback(15).callback(15, number=2)
    ),
    "a look at the size before a download": (
        Scenario().generation().callback(15).callback(15, number=2).call(15, "HEAD", MEDIA, 200, request_id=ID).download(15)
    ),
    "two downloads after one callback": Scenario().generation().callback(15).download(15).download(15),
    "a download that broke off": (
        Scenario().generation().callback(15).callback(15, number=2).download(15, faults=("truncated_body",)).download(15)
    ),
    "two orders of one prompt, each with a webhook of its own": (
        Scenario().generation().callback(15, 500, attempts=2)
        .submit(15, request_id=OTHER, headers={"x-webhook-url": "https://app.example/orders/1"})
        .submit(20, request_id=OTHER, headers={"x-webhook-url": "https://app.example/orders/2"})
    ),
    "the same prompt again, long after a repeated callback": (
        Scenario().generation().callback(15, 500, attempts=2).submit(15, request_id=OTHER).submit(900, request_id=OTHER)
    ),
    "two viewers of a video whose callback was repeated": (
        Scenario().generation().callback(15, 500, attempts=2).download(15).download(1000)
    ),
    "two viewers soon after a callback that was repeated": (
        Scenario().generation().callback(15, 500, attempts=2).download(15).download(40)
    ),
    "the next orders of two users, whose callbacks come together": (
        Scenario().generation().generation(request_id=OTHER)
        .callback(15).callback(15, number=2).callback(15, number=3, request_id=OTHER)
        .submit(15, request_id=THIRD).submit(15, request_id=THIRD)
    ),
    "the rest of a download": Scenario().generation().callback(15).callback(15, number=2).download(15).download(15, 206),
}  # fmt: skip


@pytest.mark.parametrize(("check", "scenario", "exchanges"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_once(check: str, scenario: Scenario, exchanges: tuple[int, ...]) -> None:
    """One finding, of its own check, with the exchanges that show it."""
    assert [(finding.check, finding.exchanges) for finding in judge(scenario.record())] == [(check, exchanges)]


@pytest.mark.parametrize("scenario", HONEST.values(), ids=HONEST)
def test_correct_usage_has_no_finding(scenario: Scenario) -> None:
    """What only resembles misuse has no finding."""
    assert judge(scenario.record()) == []


def test_the_work_on_retry_after_grows_with_the_number_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done in the teardown of every test: no call is compared with all that came before it."""
    compared: list[Call] = []

    def pause(before: Call, after: Call) -> float:
        compared.append(after)
        return after.second - before.second

    monkeypatch.setattr(conduct, "_pause", pause)
    scenario = Scenario()
    for tenth in range(200):
        scenario.refused_read(tenth / 10, 429, retry_after="60")
    check = CHECKS["retry-after-ignored"]
    [(_, calls, _)] = check.find(Traffic.of(scenario.record()))
    assert (len(calls), len(compared) < 2000) == (200, True)


def test_every_check_has_a_mistake() -> None:
    """Each check finds one of the examples above, and names are unique."""
    names = list(CHECKS)
    assert sorted({check for check, _, _ in MISTAKES.values()}) == sorted(names)
    assert len(set(names)) == len(names) == 9


def test_every_check_is_documented() -> None:
    """The page about reports has the checks as a table, word for word."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "reports.md").read_text(encoding="utf-8")
    rows = [f"| `{check.name}` | {check.description} | {check.remedy} |" for check in CHECKS.values()]
    assert "\n".join(rows) in page


def test_what_a_test_allows_is_left_out() -> None:
    """An allowed check has no findings, others have; an unknown name is refused with the nearest one."""
    record = polls(0, 1, 2, 3).generation().record()
    assert [finding.check for finding in judge(record)] == ["poll-too-fast", "stopped-early"]
    assert [finding.check for finding in judge(record, ["poll-too-fast"])] == ["stopped-early"]
    says = (
        "usage check 'poll-to-fast' does not exist (did you mean poll-too-fast?): known are poll-too-fast, retry-after"
    )
    with pytest.raises(ValueError, match=re.escape(says)):
        read_checks(["poll-to-fast"])


def test_the_report_says_what_why_instead_and_where() -> None:
    """One block per check, with the section of the page or the policy, and one line per finding, with test and exchanges."""
    found = judge(polls(0, 1, 2, 3).record())
    why, source = (
        "Each poll counts against the key's rate; a faster loop is throttled (429) and learns nothing sooner.",
        'page, Typical Workflow: "Poll every 5-10 seconds"; policy rate_limit',
    )
    assert list(report(found)) == [
        "poll-too-fast: A generation was polled faster than every 5 s.",
        f"  why it hurts: {why} [{source}]",
        "  instead: wait 5 to 10 s after each response, or ask for a callback with X-Webhook-URL",
        f"  tests/test_app.py::test_bear: read 4 times within 3 s ({ID}): exchanges 2-5",
    ]


def test_a_long_report_is_cut() -> None:
    """At most `most` findings of a check are printed, with the number of further ones."""
    found = [Finding("poll-too-fast", f"test_{number}", "", (), "polled") for number in range(7)]
    assert [*report(found, most=5)][-2:] == ["  test_4: polled", "  and 2 more: run with -v to see all"]
    assert [*report(found)][-1] == "  test_6: polled"
    assert [*report(reversed(found))] == [*report(found)]


def test_the_failure_says_how_to_allow_it() -> None:
    """The failure says what happened, what to do instead, and the marker that allows it."""
    text = misconduct(judge(polls(0, 1, 2, 3).generation().record()))
    polled, unlearnt, allowed = text.splitlines()
    wait = "wait 5 to 10 s after each response, or ask for a callback with X-Webhook-URL"
    assert polled == f"poll-too-fast: read 4 times within 3 s ({ID}): exchanges 2-5; instead: {wait}"
    assert unlearnt.startswith(
        f"stopped-early: it ended, but the last status the app saw was PROCESSING ({ID}): exchanges 1-5; instead: "
    )
    assert allowed.endswith('@pytest.mark.pixazo(allow_conduct=["poll-too-fast", "stopped-early"])')
