"""What a test run would have cost: the section at its end, the file, the limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.schemas import check

SUITE = """
import pytest

from pixazo_client import PixazoError
from pixazo_simulator import ReplyLost


def test_read(pixazo_client):
    pixazo_client.generate("A bear").wait()


def test_never_read(pixazo, pixazo_client):
    pixazo_client.generate("A bear", duration=10)
    pixazo.clock.advance(60)


def test_given_back(pixazo, pixazo_client):
    pixazo.when("submit").end("ERROR")
    pixazo_client.generate("A bear")
    pixazo.clock.advance(60)


def test_charged_twice(pixazo, pixazo_client):
    pixazo.when("submit").fault(ReplyLost(), times=1)
    with pytest.raises(PixazoError):
        pixazo_client.generate("A cat")
    pixazo_client.generate("A cat").wait()


def test_free(pixazo):
    pass
"""
LINES = [
    "5 generations would have cost $2.00 on the real gateway, $0.35 refunded; $0.95 of it wasted: 1 charged twice, 1 never read",
    "  test_app.py::test_never_read: $0.60 wasted: 1 never read",
    "  test_app.py::test_charged_twice: $0.35 wasted: 1 charged twice",
]


@pytest.fixture(autouse=True)
def _suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_app=SUITE)


def test_the_bill_of_a_run_stands_at_its_end(pytester: pytest.Pytester) -> None:
    """Added up by hand: four videos of 6 s at $0.35, one of 10 s at $0.60."""
    done = pytester.runpytest("-p", "no:cacheprovider", "--pixazo-bill-json", "bill.json")
    done.assert_outcomes(passed=5)
    done.stdout.fnmatch_lines(["=* pixazo bill *=", *(line.replace("[", "[[]") for line in LINES)], consecutive=True)
    bill = json.loads(Path("bill.json").read_text())
    assert {name: bill[name] for name in ("generations", "spent", "refunded", "wasted")} == {
        "generations": 5, "spent": "2.00", "refunded": "0.35", "wasted": "0.95",
    }  # fmt: skip
    assert [(each["test"].partition("::")[2], each["spent"]) for each in bill["tests"]] == [
        ("test_charged_twice", "0.70"), ("test_given_back", "0.35"), ("test_never_read", "0.60"), ("test_read", "0.35"),
    ]  # fmt: skip
    (unread,) = bill["tests"][2]["waste"]
    assert unread["curl"].startswith('curl -sS -H "Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY" "$PIXAZO_BASE_URL"/v2/')


def test_nothing_is_said_where_nothing_was_paid(pytester: pytest.Pytester) -> None:
    assert "pixazo bill" not in pytester.runpytest("-p", "no:cacheprovider", "-k", "free").stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code"), [("1.65", 0), ("1.64", 1)])
def test_a_run_may_cost_so_much(pytester: pytest.Pytester, limit: str, code: int) -> None:
    """What was given back does not count."""
    done = pytester.runpytest("-p", "no:cacheprovider", f"--pixazo-max-spend={limit}")
    assert done.ret == code
    if code:
        done.stdout.fnmatch_lines(["pixazo: the run would have spent $1.65 *, and the limit is $1.64: *"])


def test_a_test_may_cost_so_much(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""
        import pytest

        @pytest.mark.pixazo(max_spend=0.4)
        @pytest.mark.parametrize("videos", [1, 2])
        def test_app(pixazo, pixazo_client, videos):
            for number in range(videos):
                pixazo_client.generate(f"A bear {number}").wait()
        """
    )
    file = pytester.path / "bill.json"
    done = pytester.runpytest("-p", "no:cacheprovider", f"--pixazo-bill-json={file}", "--pixazo-format=github")
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["pixazo: this test would have spent $0.70 *, and max_spend is $0.40: *"])
    said = "this test would have spent $0.70 on the real gateway, and max_spend is $0.40: submit less, or raise it; 2 generations, such as *"
    done.stdout.fnmatch_lines(
        [f"::error file=test_app.py,line=3,title=max_spend::test_app.py::test_app[[]2[]]: {said}"]
    )
    assert check(file.read_bytes()) == "bill"
    assert [each["overspent"] is not None for each in json.loads(file.read_bytes())["tests"]] == [False, True]


def test_a_test_may_cost_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""
        import pytest

        @pytest.mark.pixazo(max_spend=0)
        def test_app(pixazo_client):
            pixazo_client.generate("A bear").wait()
        """
    )
    pytester.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=1, errors=1)


@pytest.mark.parametrize("where", ["option", "marker"])
def test_a_limit_is_a_sum_of_dollars(pytester: pytest.Pytester, where: str) -> None:
    if where == "marker":
        pytester.makepyfile(test_app="import pytest\n@pytest.mark.pixazo(max_spend='much')\ndef test(pixazo): pass")
    done = pytester.runpytest("-p", "no:cacheprovider", *(["--pixazo-max-spend=much"] if where == "option" else []))
    assert "max_spend 'much'" in done.stdout.str() + done.stderr.str()
    assert done.ret != 0


@pytest.mark.exhaustive
@pytest.mark.usefixtures("no_other_plugins")
def test_workers_send_their_bills(pytester: pytest.Pytester) -> None:
    """The same as without xdist."""
    done = pytester.runpytest("-p", "no:cacheprovider", "-p", "xdist", "-n", "2")
    done.stdout.fnmatch_lines(LINES, consecutive=True)
