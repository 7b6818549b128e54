"""A test asks for its world by marker, command line or ini file, and gets an error for what it cannot ask for."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

QUIET = ("-q", "-p", "no:cacheprovider", "--strict-markers")

#: Arguments of a marker that cannot be, and what is said to them.
WRONG = {
    "clok='manual'": "marker pixazo: argument 'clok' is not one of balance, clock, generations, policy, profile, seed, start, strict, real_gateway, allow_conduct, only, max_spend (did you mean clock?)",
    "'observed'": "marker pixazo: 'observed' has no name: write it with one of the names balance, clock, generations, policy, profile, seed, start, strict, real_gateway, allow_conduct, only, max_spend",
    "profile='observd'": "marker pixazo: profile 'observd' is not one of documented, observed, nor a file (did you mean observed?)",
    "policy={'job_tims': '1+4'}": "marker pixazo: policy field 'job_tims' does not exist (did you mean job_times?): see pixazo-sim policy",
    "policy={'submit_code': '203'}": "marker pixazo: policy field submit_code: '203' is not one of 202, 200 (did you mean 202?)",
    "policy='job_times'": "marker pixazo: policy 'job_times' is not a dict of fields, such as {'job_times': '1+4'}",
    "balance='much'": "marker pixazo: balance 'much' is not a sum of US dollars from 0 to 1000000000, such as 12.50",
    "balance=-1": "marker pixazo: balance '-1' is not a sum of US dollars from 0 to 1000000000, such as 12.50",
    "balance=None": "marker pixazo: balance 'None' is not a sum of US dollars from 0 to 1000000000, such as 12.50",
    "clock='x0'": "marker pixazo: clock 'x0' is not one of real, manual, xN (for example x20)",
    "seed='seven'": "marker pixazo: seed 'seven' is not a whole number of at least 0",
    "start='tomorrow'": "marker pixazo: start 'tomorrow' is neither now nor an instant of the years 1970 to 9999 with a time zone, such as 2026-03-31T10:00:00Z",
    "seed=True": "marker pixazo: seed True is not a whole number of at least 0",
    "allow_conduct=['poll-to-fast']": "marker pixazo: usage check 'poll-to-fast' does not exist (did you mean poll-too-fast?): known are poll-too-fast, retry-after-ignored, refusal-repeated, unknown-parameter, charged-twice, stopped-early, polled-after-end, key-given-away, duplicate-acted-on",
    "only='docmented'": "marker pixazo: only 'docmented' is not one of documented, vendor, observed, inferred, assumed, ours (did you mean documented?)",
    "only=[]": "marker pixazo: only [] is not a label such as 'documented', nor a list of labels",
    "generations=3": "marker pixazo: generations 3: give a list",
    "generations=[{'status': 'FAILD'}]": "marker pixazo: generations [0].status 'FAILD': give COMPLETED or ERROR or FAILED or PROCESSING or QUEUED (did you mean FAILED?)",
    "real_gatway=True": "marker pixazo: argument 'real_gatway' is not one of balance, clock, generations, policy, profile, seed, start, strict, real_gateway, allow_conduct, only, max_spend (did you mean real_gateway?)",
    "real_gateway='yes'": "marker pixazo: real_gateway 'yes' is neither True nor False",
    "strict='no'": "marker pixazo: strict 'no' is neither True nor False",
}


@pytest.mark.slow
def test_a_wrong_marker_is_one_line(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Each wrong argument makes its test an error that is one line with the remedy."""
    tests = "".join(
        f"@pytest.mark.pixazo({arguments})\ndef test_{number}(pixazo): pass\n\n"
        for number, arguments in enumerate(WRONG)
    )
    result = run_tests("import pytest\n\n" + tests)
    result.assert_outcomes(errors=len(WRONG))
    output = [line for line in result.outlines if line.startswith("marker pixazo: ")]
    assert output == list(WRONG.values())


def test_the_nearest_marker_decides_argument_by_argument(run_tests: Callable[..., pytest.RunResult]) -> None:
    """What a function leaves open is taken from its class, then from its module."""
    run_tests("""
        from decimal import Decimal

        import pytest

        pytestmark = pytest.mark.pixazo(balance="1.00", seed=1, clock="manual", policy={"submit_code": "200"})

        @pytest.mark.pixazo(balance=Decimal("2.00"), profile="observed")
        class TestInside:
            @pytest.mark.pixazo(seed=3)
            def test_all(self, pixazo):
                assert (pixazo.wallet.balance, pixazo.seed) == (2, 3)
                assert pixazo.policy()["submit_code"] == "200"
                assert pixazo.policy()["request_id"] == "thirteen"

        def test_module(pixazo):
            assert (pixazo.wallet.balance, pixazo.seed) == (1, 1)
            assert pixazo.policy()["request_id"] == "uuid7"
        """).assert_outcomes(passed=2)


def test_a_world_begins_with_the_generations_of_the_marker(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Those of a fresh world come instead; without any there is none."""
    run_tests(
        """
        import pytest

        @pytest.mark.pixazo(generations=[{"status": "FAILED", "age": 259200, "error": "no bears"}], balance="1.00")
        def test_marker(pixazo):
            (failed,) = pixazo.generations
            assert (failed.status, failed.plan.error, pixazo.wallet.balance) == ("FAILED", "no bears", 1)
            assert (pixazo.clock.now - failed.accepted_at).days == 3
            with pixazo.fresh(generations=[{"status": "QUEUED"}, {"status": "PROCESSING"}]) as other:
                assert [each.status for each in other.generations] == ["PROCESSING", "QUEUED"]

        def test_none(pixazo):
            assert not pixazo.generations
        """
    ).assert_outcomes(passed=2)


def test_ini_settings_hold_where_no_marker_speaks(pytester: pytest.Pytester) -> None:
    """Balance, clock, profile, seed and strictness come from the ini file, a profile file is found from the root folder."""
    pytester.mkdir("below")
    pytester.makefile(".toml", ours='extends = "observed"\nsubmit_code = 202\n')
    pytester.makeini(
        """
        [pytest]
        pixazo_balance = 7.50
        pixazo_clock = x20
        pixazo_profile = ours.toml
        pixazo_seed = 11
        pixazo_strict = false
        """
    )
    pytester.makepyfile(
        """
        import pytest

        def test_ini(pixazo):
            assert (pixazo.wallet.balance, pixazo.seed) == (7.5, 11)
            assert repr(pixazo.clock).startswith("<x20 clock at ")
            assert pixazo.policy()["submit_code"] == "202"
            assert pixazo.policy()["request_id"] == "thirteen"
            pixazo.control.add_rule({"when": "status", "reply": {"status": 429}})

        @pytest.mark.pixazo(seed=12, clock="manual")
        def test_marker(pixazo):
            assert pixazo.seed == 12
            assert repr(pixazo.clock) == "<manual clock at 2026-03-31T10:00:00.000Z>"
        """
    )
    os.chdir("below")
    pytester.runpytest(*QUIET, "..").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("pixazo_balance = much", "ini setting pixazo_balance: balance 'much' is not a sum of US dollars"),
        ("pixazo_clock = fast", "ini setting pixazo_clock: clock 'fast' is not one of real, manual, xN"),
        ("pixazo_seed = seven", "ini setting pixazo_seed: seed 'seven' is not a whole number of at least 0"),
    ],
)
def test_a_wrong_ini_setting_is_named(
    pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult], setting: str, expected: str
) -> None:
    """An ini setting that means nothing is an error of each test that needs it."""
    pytester.makeini(f"[pytest]\n{setting}\n")
    result = run_tests("def test_ini(pixazo): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"{expected}*"])


def test_the_seed_of_the_command_line(pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult]) -> None:
    """--pixazo-seed holds for every world whose test asks for none, and a wrong one is named."""
    run_tests(
        """
        import pytest

        def test_option(pixazo):
            assert pixazo.seed == 5

        @pytest.mark.pixazo(seed=6)
        def test_marker(pixazo):
            assert pixazo.seed == 6
        """,
        "--pixazo-seed",
        "5",
    ).assert_outcomes(passed=2)
    wrong = pytester.runpytest(*QUIET, "--pixazo-seed", "five")
    wrong.assert_outcomes(passed=1, errors=1)
    wrong.stdout.fnmatch_lines(["option --pixazo-seed: seed 'five' is not a whole number of at least 0"])


@pytest.mark.slow
def test_worlds_are_the_same_in_any_order(pytester: pytest.Pytester) -> None:
    """Seed, key and request ids of a test depend on its name only: not on other tests, nor on the run."""
    pytester.makepyfile(
        test_bear="""
        def noted(pixazo, pixazo_client):
            handle = pixazo_client.generate("bear")
            with open("noted.txt", "a") as notes:
                print(pixazo.seed, pixazo.api_key, handle.request_id, file=notes)

        def test_one(pixazo, pixazo_client):
            noted(pixazo, pixazo_client)

        def test_two(pixazo, pixazo_client):
            noted(pixazo, pixazo_client)
        """
    )
    pytester.runpytest(*QUIET)
    pytester.runpytest(*QUIET, "-k", "two")
    one, two, alone = (pytester.path / "noted.txt").read_text().splitlines()
    assert two == alone
    assert not set(one.split()) & set(two.split())


STARTS = """
from datetime import UTC, datetime, timedelta

import pytest

PAGE = datetime(2026, 3, 31, 10, tzinfo=UTC)
GIVEN = datetime(2031, 1, 1, tzinfo=UTC)

def test_default(pixazo):
    assert pixazo.clock.now.isoformat().replace("+00:00", "Z") == pixazo.start
    assert timedelta(0) <= datetime.now(UTC) - pixazo.clock.now < timedelta(seconds=300)

@pytest.mark.pixazo(seed=1)
def test_seed(pixazo):
    assert pixazo.clock.now == PAGE

@pytest.mark.pixazo(seed=1, start="now")
def test_now(pixazo):
    assert pixazo.clock.now > datetime.now(UTC) - timedelta(seconds=300)

@pytest.mark.pixazo(start=GIVEN)
def test_instant(pixazo):
    assert pixazo.clock.now == GIVEN

@pytest.mark.pixazo(clock="x2")
def test_running(pixazo):
    assert pixazo.start is None
    assert pixazo.clock.now > datetime.now(UTC) - timedelta(seconds=300)

@pytest.mark.pixazo(clock="x2", start="2031-01-01T00:00:00Z")
def test_running_elsewhere(pixazo):
    assert GIVEN <= pixazo.clock.now < GIVEN + timedelta(seconds=600)
"""


def test_a_world_starts_now_unless_a_seed_or_a_start_is_given(run_tests: Callable[..., pytest.RunResult]) -> None:
    """With a seed as on the vendor's page; a start counts for any clock."""
    run_tests(STARTS).assert_outcomes(passed=6)


@pytest.mark.parametrize("place", ["option", "ini"])
def test_the_start_of_the_command_line_and_of_the_ini_file(
    pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult], place: str
) -> None:
    """It holds where no marker gives one, and a wrong one is named."""
    source = "def test_start(pixazo): assert str(pixazo.clock.now) == '2031-01-01T00:00:00.000Z'"
    for start, outcomes in (("2031-01-01T00:00:00Z", {"passed": 1}), ("never", {"errors": 1})):
        pytester.makeini(f"[pytest]\npixazo_start = {start if place == 'ini' else ''}\n")
        result = run_tests(source, *(("--pixazo-start", start) if place == "option" else ()))
        result.assert_outcomes(**outcomes)
    where = "option --pixazo-start" if place == "option" else "ini setting pixazo_start"
    result.stdout.fnmatch_lines([f"{where}: start 'never' is neither now nor an instant *"])


def test_a_signed_callback_passes_a_standard_verifier(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Which compares its time with the time of day."""
    run_tests(
        """
        import pytest
        from standardwebhooks import Webhook

        @pytest.mark.pixazo(policy={"webhook_signature": "standard"})
        def test_signed(pixazo, pixazo_client, pixazo_webhooks):
            handle = pixazo_client.generate("A bear", webhook_url=pixazo_webhooks.url)
            pixazo.clock.advance(15)
            (callback,) = pixazo_webhooks.received
            verified = Webhook(pixazo.control.world().webhook_secret).verify(callback.body, dict(callback.headers))
            assert verified["request_id"] == handle.request_id
        """
    ).assert_outcomes(passed=1)
