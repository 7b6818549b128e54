"""What a green test rests on: the list at the end of a run, and tests that may rest on some labels only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from tests.pytest_pixazo.reports.records import Scenario

from pixazo_simulator.control import PolicyDecision
from pixazo_simulator.spec import Label
from pytest_pixazo.reports.assumptions import beyond, read_labels
from pytest_pixazo.world import Record

SUITE = """
import pytest

from pixazo_client import BadRequestError

TOO_LONG = dict(duration=10, resolution="1080P")


@pytest.mark.pixazo(only="documented")
def test_plain(pixazo, pixazo_client, tmp_path):
    generation = pixazo_client.generate("A bear").wait()
    pixazo_client.download(generation, tmp_path / "bear.mp4")


@pytest.mark.pixazo(only="documented")
@pytest.mark.parametrize("number", [1, 2])
def test_refused(pixazo, pixazo_client, number):
    with pytest.raises(BadRequestError):
        pixazo_client.generate("A bear", **TOO_LONG)


@pytest.mark.pixazo(only=["documented", "inferred", "assumed"])
def test_allowed(pixazo, pixazo_client):
    with pytest.raises(BadRequestError):
        pixazo_client.generate("A bear", **TOO_LONG)
"""
LIST = [
    "assumed: validation_body=title_message: Body of a validation error: `error` and `message` naming the member, or `error` and `status`.",
    "  test_app.py::test_allowed, test_app.py::test_refused[[]1], test_app.py::test_refused[[]2]",
    "inferred: combo_1080p_10s=refuse: 1080P with 10 s: 400 at submit, accepted, or accepted and FAILED later.",
    "inferred: t2v_limits=i2v: Limits of text-to-video, which the page leaves out: those of image-to-video, or types only.",
    "3 of 4 tests with a world depend on 3 assumptions; 1 depend on the page alone",
]


@pytest.fixture
def run(pytester: pytest.Pytester, no_other_plugins: None) -> Callable[..., pytest.RunResult]:
    """Runs that suite."""
    pytester.makepyfile(test_app=SUITE)
    return partial(pytester.runpytest, "-p", "no:cacheprovider", "-p", "xdist")


@pytest.mark.parametrize(
    "options", [[], ["--pixazo-conduct=off"], pytest.param(["-n", "2"], marks=pytest.mark.slow)], ids=" ".join
)
def test_a_run_lists_the_assumptions_with_the_tests(run: Callable[..., pytest.RunResult], options: list[str]) -> None:
    """The least known first; workers of xdist have one list; a test that may rest on documented points only fails, in its own words."""
    done = run("--pixazo-assumptions", *options)
    done.assert_outcomes(passed=4, errors=2)
    done.stdout.fnmatch_lines(["*pixazo assumptions: what the tests depend on besides the page*", *LIST])
    done.stdout.fnmatch_lines(
        [
            "pixazo: @pytest.mark.pixazo(only=[[]'documented']), but this test depends on 3 points with other labels",
            "- policy t2v_limits=i2v (inferred), in exchange 1, POST /minimax-hailuo-ai/v1/generate answered 400: Limits of *",
            "remedy: *, or allow more labels: only=[[]'documented', 'inferred', 'assumed']",
        ]
    )
    done.stdout.no_fnmatch_line("*entries are hidden*")


def test_nothing_is_printed_unless_asked(run: Callable[..., pytest.RunResult]) -> None:
    """The marker works without the option."""
    done = run()
    done.assert_outcomes(passed=4, errors=2)
    assert "pixazo assumptions" not in done.stdout.str()


def decided(label: Label) -> Record:
    """The record of a test whose one exchange was decided by a point with this label."""
    record = Scenario().call(0, "GET", "/x", 404).record()
    decision = PolicyDecision("unknown_route", "404", label)
    record.exchanges[0] = msgspec.structs.replace(record.exchanges[0], decided_by=(decision,))
    return record


@pytest.mark.parametrize(
    ("value", "labels"), [("vendor", ("vendor",)), (["vendor", "observed"], ("vendor", "observed"))]
)
def test_labels_are_one_or_several(value: object, labels: tuple[str, ...]) -> None:
    """As a text or a list."""
    assert read_labels(value) == labels


@pytest.mark.parametrize(
    ("label", "only", "fails"),
    [
        ("assumed", "inferred", True),
        ("inferred", "inferred", False),
        ("documented", "inferred", False),
        ("ours", "vendor", False),
    ],
)
def test_what_the_page_says_is_always_allowed(label: Label, only: str, fails: bool) -> None:
    """And a safety rule of the simulator is no claim about the gateway."""
    assert (beyond(decided(label), (only,)) is not None) is fails


@pytest.mark.parametrize("scope", ["module", "session"])
def test_a_world_of_a_wider_scope_has_the_markers_of_that_scope(
    run_tests: Callable[..., pytest.RunResult], scope: str
) -> None:
    """Not those of the test with which it happens to end."""
    source = f"""
        import pytest

        MARK

        @pytest.fixture(scope="{scope}")
        def wide(pixazo_factory):
            with pixazo_factory.fresh() as world, world.client() as client:
                yield client

        def test_leans(wide):
            with pytest.raises(Exception):
                wide.generate("")

        @pytest.mark.pixazo(only="documented", allow_conduct=[])
        def test_last(pixazo_client):
            pixazo_client.generate("A bear")
        """
    run_tests(source.replace("MARK", "")).assert_outcomes(passed=2)
    if scope == "module":
        result = run_tests(source.replace("MARK", "pytestmark = pytest.mark.pixazo(only='documented')"))
        result.assert_outcomes(passed=2, errors=1)
        result.stdout.fnmatch_lines(
            ["pixazo: *, but the world of *.py, which ends with this test, depends on 2 points *"]
        )


@pytest.mark.parametrize(("marker", "option"), [("only='documented'", "report"), ("", "fail")])
def test_a_world_that_ends_within_the_test_is_judged(
    run_tests: Callable[..., pytest.RunResult], marker: str, option: str
) -> None:
    """At the end of the test, unless that failed: equal complaints of many worlds once, and of different ones the first five."""
    result = run_tests(
        f"""
        import pytest

        pytestmark = pytest.mark.pixazo({marker})

        def leans(pixazo, before):
            with pixazo.fresh() as world, world.client() as client:
                for number in range(before):
                    client.generate("A bear")
                for _ in range(3):
                    with pytest.raises(Exception):
                        client.generate("")

        def test_alike(pixazo):
            leans(pixazo, 0)
            leans(pixazo, 0)

        def test_different(pixazo):
            for before in range(7):
                leans(pixazo, before)

        def test_failed(pixazo):
            leans(pixazo, 0)
            assert 0
        """,
        f"--pixazo-conduct={option}",
    )
    result.assert_outcomes(passed=2, failed=1, errors=2)
    sign = "but this test depends on" if marker else "refusal-repeated"
    assert sum(line.count(sign) for line in result.outlines if line.startswith("pixazo")) <= 6
    result.stdout.fnmatch_lines(["... and 2 more"])
