"""Behaviour counts as met when the app observed it, and each missing behaviour has a line that provokes it."""

from __future__ import annotations

import re

import pytest
from tests.page import PAGE
from tests.pytest_pixazo.reports.records import Scenario

from pixazo_simulator.script.rule import FAULTS
from pytest_pixazo.reports.coverage import BEHAVIOURS, FAULT_BEHAVIOURS, Coverage, Met, met, without

RESPONSES = re.compile(r"## Response Handling\n(.*?)\n## Error Responses\n", re.DOTALL)
NAMES = list(BEHAVIOURS)

MET: dict[str, tuple[Scenario, set[str]]] = {
    "an accepted submit": (Scenario().submit(), {"generate:202", "state:QUEUED"}),
    "an accepted submit that answers 200": (Scenario().submit(status=200), {"generate:202", "state:QUEUED"}),
    "image to video": (
        Scenario().call(0, "POST", "/minimax-hailuo-ai/v1/imageToVideo", 402),
        {"imageToVideo:402"},
    ),
    "a server error": (Scenario().submit(status=503, request_id=None, faults=("status_code",)), {"generate:500", "fault:status_code"}),
    "a reply that was lost": (Scenario().submit(faults=("reply_lost",)), {"fault:reply_lost"}),
    "a walk to the end": (
        Scenario().submit().read(0, "QUEUED").read(5).read(10).read(15, "COMPLETED"),
        {
            "generate:202", "status:200", "state:QUEUED", "state:PROCESSING", "state:COMPLETED",
            "transition:QUEUED-PROCESSING", "transition:PROCESSING-COMPLETED",
        },
    ),
    "a state that was slept through": (
        Scenario().submit().read(15, "ERROR"),
        {"generate:202", "status:200", "state:QUEUED", "state:ERROR"},
    ),
    "an end reported by a callback": (
        Scenario().read(5).generation("FAILED").callback(15),
        {"status:200", "state:PROCESSING", "state:FAILED", "transition:PROCESSING-FAILED", "webhook:FAILED"},
    ),
    "a callback that was refused twice": (
        Scenario().generation().callback(15, 503, attempts=2),
        {"state:COMPLETED", "webhook:refused", "webhook:retried", "webhook:duplicated"},
    ),
    "a callback that nobody received": (Scenario().generation().callback(15, None), set()),
    "a callback that came twice": (
        Scenario().generation().callback(15).callback(15, number=2),
        {"state:COMPLETED", "webhook:COMPLETED", "webhook:duplicated"},
    ),
    "a callback about progress": (
        Scenario().read(0, "QUEUED").read(15, "COMPLETED").generation().callback(5),
        {
            "status:200", "state:QUEUED", "state:PROCESSING", "state:COMPLETED", "transition:QUEUED-PROCESSING",
            "transition:PROCESSING-COMPLETED",
        },
    ),
    "a challenge that was not echoed": (Scenario().generation().callback(0, 200, form="challenge"), set()),
    "a callback that was dropped": (Scenario().generation().callback(15, None, faults=("drop",)), {"fault:drop"}),
    "a download": (Scenario().download(20), {"media:200"}),
    "the rest of a download": (Scenario().download(20, 206), {"media:200"}),
    "a video that is gone": (Scenario().download(20, 410, faults=("media_gone",)), {"media:404", "fault:media_gone"}),
    "an unknown word": (Scenario().read(0, "ARCHIVED", faults=("unknown_status",)), {"status:200", "fault:unknown_status"}),
    "what no page documents": (Scenario().submit(status=415, request_id=None), set()),
    "another path": (Scenario().call(0, "GET", "/v1/models", 404), set()),
}  # fmt: skip


@pytest.mark.parametrize(("scenario", "names"), MET.values(), ids=MET)
def test_what_was_met(scenario: Scenario, names: set[str]) -> None:
    """Exactly these behaviours were met."""
    assert set(met(scenario.record())) == names


def test_a_call_with_an_unknown_key_counts() -> None:
    """A 401 reaches no world, but counts as met."""
    record = Scenario().record()
    record.unmatched.extend(Scenario().submit(status=401, request_id=None).record().exchanges)
    assert met(record) == {"generate:401": 1}


def test_the_whole_is_the_page() -> None:
    """100 % is: each status of the page, each arrow of its flow, each code of its table for both operations."""
    page = PAGE.read_text(encoding="utf-8")
    states = re.findall(
        r"^([A-Z]+)$", page.partition("## Status Values")[2].partition("## Status Flow")[0], re.MULTILINE
    )
    assert {name for name in NAMES if name.startswith("state:")} == {f"state:{word}" for word in states}
    assert [name for name in NAMES if name.startswith("transition:")] == [
        "transition:QUEUED-PROCESSING",
        "transition:PROCESSING-COMPLETED",
        "transition:PROCESSING-FAILED",
        "transition:PROCESSING-ERROR",
    ]
    codes = [re.findall(r"^(\d{3})$", part, re.MULTILINE) for part in RESPONSES.findall(page)]
    for operation, printed in zip(("imageToVideo", "generate"), codes, strict=True):
        assert [name for name in NAMES if name.startswith(f"{operation}:")] == [
            f"{operation}:{code}" for code in printed
        ]
    assert len(NAMES) == len(set(NAMES)) == 37


def test_every_kind_of_fault_is_listed_apart() -> None:
    """All kinds, each with its own example; none counts for the documented behaviour."""
    assert list(FAULT_BEHAVIOURS) == [f"fault:{kind}" for kind in FAULTS]
    assert FAULT_BEHAVIOURS["fault:reply_lost"] == 'pixazo.when("generate").fault(ReplyLost(), times=1)'
    assert all(hint.startswith('pixazo.when("') for hint in FAULT_BEHAVIOURS.values())
    assert not FAULT_BEHAVIOURS.keys() & set(NAMES)


def test_the_table() -> None:
    """One line per group with its numbers and what is missing, then a line for each missing behaviour with its hint."""
    names = ["state:QUEUED", "state:PROCESSING", "state:COMPLETED", "state:ERROR", "media:200"]
    coverage = Coverage("behaviour", without(["[!sm]*", "status:*"]), dict.fromkeys(names, Met(1, "test")))
    assert list(coverage.lines()) == [
        "behaviour: 5 of 7 (71 %)",
        "  state           4 of 5  missing: FAILED",
        "  media           1 of 2  missing: 404",
        "  To cover what is missing:",
        '    state:FAILED                    pixazo.when("submit").end("FAILED", error="content policy")',
        '    media:404                       pixazo.when("media").reply(404, times=1)',
    ]


def test_nothing_missing_needs_no_hint() -> None:
    """A complete group is marked so, and an empty list counts as complete."""
    coverage = Coverage("behaviour", without(["[!m]*"]), dict.fromkeys(["media:200", "media:404"], Met(1, "test")))
    assert list(coverage.lines()) == ["behaviour: 2 of 2 (100 %)", "  media           2 of 2  all covered"]
    assert str(Coverage("nothing", {}, {})) == "nothing: 0 of 0 (100 %)"


def test_what_is_left_out_must_exist() -> None:
    """A glob that matches nothing is refused."""
    with pytest.raises(
        ValueError, match=r"pixazo_cov_omit 'imageToVide:\*' matches no behaviour: a name is one of state, "
    ):
        without(["imageToVide:*"])
