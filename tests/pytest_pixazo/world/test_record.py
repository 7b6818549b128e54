"""A strict test fails at its end for requests that no gateway expects and for rules that nothing used."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from tests.pytest_pixazo.reports.records import Scenario

from pytest_pixazo.world import complaints, report

#: An app with a typo in a path, and a test that scripted what never comes.
UNCLEAN = """
import httpx2
import pytest

from pytest_pixazo import contains

def app(pixazo, path="/minimax-hailuo-ai/v1/generat", **headers):
    headers = headers or {"Ocp-Apim-Subscription-Key": pixazo.api_key}
    return httpx2.post(pixazo.url + path, json={"prompt": "A cat"}, headers=headers)
"""


@pytest.fixture
def unclean(run_tests: Callable[..., pytest.RunResult]) -> Callable[..., pytest.RunResult]:
    """Runs tests of that app."""

    def run(source: str) -> pytest.RunResult:
        return run_tests(UNCLEAN + source)

    return run


@pytest.mark.slow
def test_a_wrong_path_fails_the_test(unclean: Callable[..., pytest.RunResult]) -> None:
    """The test itself passes, its teardown does not, and says what was meant."""
    result = unclean("""
def test_path(pixazo):
    app(pixazo)
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_path*",
            "pixazo: 1 thing not as expected; @pytest.mark.pixazo(strict=False) lets this pass",
            (
                "- unexpected request 1, POST /minimax-hailuo-ai/v1/generat, answered 404: no route is POST /minimax-hailuo-ai/v1/generat"
                " (did you mean POST /minimax-hailuo-ai/v1/generate[?]): known are *"
            ),
        ]
    )


def test_requests_that_are_alike_are_one_complaint() -> None:
    """With the numbers of all of them: an app without a key polls until it gives up."""
    scenario = Scenario()
    for number in (1, 2, 3, 4):
        scenario.call(number, "GET", "/no" if number == 3 else "/v2/requests/status/a", 401)
    record = scenario.record()
    unexpected = [msgspec.structs.replace(each, expected=False) for each in record.exchanges]
    assert complaints(msgspec.structs.replace(record, exchanges=unexpected)) == [
        "unexpected requests 1-2, 4, GET /v2/requests/status/a, answered 401: as scripted",
        "unexpected request 3, GET /no, answered 401: as scripted",
    ]


@pytest.mark.slow
def test_a_missing_key_fails_the_test(unclean: Callable[..., pytest.RunResult]) -> None:
    """A call without a key, or with one that opens nothing, reaches no world; it is reported all the same."""
    result = unclean("""
def test_header(pixazo):
    app(pixazo, "/minimax-hailuo-ai/v1/generate", Authorization="Bearer canary-of-another-key")

def test_key(pixazo):
    app(pixazo, "/minimax-hailuo-ai/v1/generate", **{"Ocp-Apim-Subscription-Key": "canary-of-an-unknown-key"})
""")
    result.assert_outcomes(passed=2, errors=2)
    start = "- unmatched request ?, POST /minimax-hailuo-ai/v1/generate, answered 401: "
    result.stdout.fnmatch_lines(
        [
            f"{start}the key is missing: send it in the header Ocp-Apim-Subscription-Key, not in authorization",
            f"{start}no world has the key that was sent: *",
        ]
    )
    result.stdout.no_fnmatch_line("*canary-of-*")


def test_unused_rules_fail_the_test(unclean: Callable[..., pytest.RunResult]) -> None:
    """A rule that nothing matched is reported with what came nearest, a step that was never reached with the one before it."""
    result = unclean("""
def test_rules(pixazo, pixazo_client):
    pixazo.when("generate", prompt=contains("bear")).reply(429)
    pixazo.when("imageToVideo").reply(429)
    pixazo.when("generate").end("FAILED", times=1).then.end("ERROR")
    pixazo.when("generate", duration=6).reply(429)
    pixazo.when("generate").reply(429)
    pixazo_client.generate("A cat", duration=6)
""")
    result.assert_outcomes(passed=1, errors=1)
    start = result.outlines.index("pixazo: 5 things not as expected; @pytest.mark.pixazo(strict=False) lets this pass")
    assert result.outlines[start + 1 : start + 6] == [
        "- rule 1: when generate, prompt contains 'bear': never used, nearest was a call where prompt is 'A cat', expected: contains 'bear'",
        "- rule 2: when imageToVideo: never used, no such call arrived",
        "- rule 3: when generate: step 2 of 2 never used, step 1 once",
        "- rule 4: when generate, duration equals 6: never used, nearest was a call where rule 3 comes first",
        "- rule 5: when generate: never used, nearest was a call where rule 3 comes first",
    ]


@pytest.mark.slow
def test_what_relaxes_it(unclean: Callable[..., pytest.RunResult]) -> None:
    """strict=False by marker or ini lets all of it pass; a rule that answers makes an odd request expected; refusals are normal."""
    unclean("""
@pytest.mark.pixazo(strict=False)
def test_relaxed(pixazo):
    app(pixazo)
    pixazo.when("status").reply(429)

@pytest.mark.pixazo(balance="0.00")
def test_refusals_are_normal(pixazo):
    assert app(pixazo, "/minimax-hailuo-ai/v1/generate").status_code == 402
    empty = httpx2.post(pixazo.url + "/minimax-hailuo-ai/v1/generate", headers={"Ocp-Apim-Subscription-Key": pixazo.api_key})
    assert empty.status_code == 400
    unknown = httpx2.get(pixazo.url + "/v2/requests/status/a", headers={"Ocp-Apim-Subscription-Key": pixazo.api_key})
    assert unknown.status_code == 404
""").assert_outcomes(passed=2)


def test_assert_clean_does_it_at_once(unclean: Callable[..., pytest.RunResult]) -> None:
    """The same report, in the middle of a test, strict or not; the teardown of a failed test adds no second error."""
    result = unclean("""
@pytest.mark.pixazo(strict=False)
def test_clean(pixazo):
    pixazo.assert_clean()
    pixazo.when("status").reply(429)
    pixazo.assert_clean()

def test_strict(pixazo):
    pixazo.when("status").reply(429)
    pixazo.assert_clean()
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: pixazo: 1 thing not as expected; @pytest.mark.pixazo(strict=False) lets this pass",
            "E       - rule 1: when status: never used, no such call arrived",
        ]
    )


@pytest.mark.slow
def test_a_failed_test_gets_no_second_error(unclean: Callable[..., pytest.RunResult]) -> None:
    """Below a failure stands what strictness would say of what came, and not that the rest did not; a skipped test is left alone."""
    result = unclean("""
def test_failed(pixazo, pixazo_client):
    pixazo.when("generate", prompt="A cat").reply(429)
    pixazo.when("status").reply(429)
    pixazo.when("generate").reply(429, times=1).then.reply(402)
    pixazo.when("generate", prompt="A dog")
    app(pixazo)
    with pytest.raises(Exception):
        pixazo_client.generate("A bear")
    assert 0

def test_early(pixazo):
    pixazo.when("status").reply(429)
    assert 0

def test_skipped(pixazo):
    pixazo.when("status").reply(429)
    pytest.skip("for a reason")

@pytest.mark.xfail(strict=True)
def test_expected(pixazo):
    pixazo.when("status").reply(429)
    assert 0

def test_set_up(pixazo, request):
    pixazo.when("status").reply(429)
    request.getfixturevalue("no_such_fixture")
""")
    result.assert_outcomes(failed=3, skipped=1, xfailed=1)
    start = next(number for number, line in enumerate(result.outlines) if "- pixazo strictness -" in line)
    things = result.outlines[start + 1 : start + 4]
    assert things[0].startswith("- unexpected request 1, ")
    assert things[1] == '- when("generate") does not say what happens: add .reply, .end or .fault'
    assert things[2].startswith("- rule 1: when generate, prompt equals 'A cat': never used, nearest was a call where ")
    assert "lets this pass" not in result.stdout.str()
    assert result.stdout.str().count("- pixazo strictness -") == 1
    assert result.stdout.str().count("no request arrived, so no rule was used") == 2


def test_many_complaints_are_bounded() -> None:
    """Of more than twenty the rest is counted."""
    first, *_, last = report(["no"] * 25).splitlines()
    assert (first.partition(";")[0], last) == ("pixazo: 25 things not as expected", "- and 5 more")


def test_a_call_of_an_earlier_test_is_not_held_against_this_one(unclean: Callable[..., pytest.RunResult]) -> None:
    """Of the calls that reached no world only those during the test count."""
    unclean("""
@pytest.mark.pixazo(strict=False)
def test_before(pixazo):
    app(pixazo, Authorization="Bearer of-another-key")

def test_after(pixazo):
    pass
""").assert_outcomes(passed=2)


def test_a_rule_that_says_nothing_fails_the_test(unclean: Callable[..., pytest.RunResult]) -> None:
    """Whether no verb came at all, or none after `then`; so does weather outside a block."""
    result = unclean("""
def test_begun(pixazo, pixazo_client):
    pixazo.weather(3)
    with pixazo.weather(4):
        pass
    pixazo.weather(5)(int)()  # as a decorator
    pixazo.when("generate")
    pixazo.when("generate").reply(429, times=1).then
    pixazo_client.generate("A cat")
""")
    result.assert_outcomes(passed=1, errors=1)
    start = result.outlines.index("pixazo: 3 things not as expected; @pytest.mark.pixazo(strict=False) lets this pass")
    assert result.outlines[start + 1 : start + 4] == [
        '- when("generate") does not say what happens: add .reply, .end or .fault',
        '- when("generate"), step 2, does not say what happens: add .reply, .end or .fault',
        "- pixazo.weather(...) strikes within a block only: write `with pixazo.weather(...):`",
    ]
