"""The drawing of a timeline: where an instant stands, what the states of a generation are, and what is shortened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.caller import Caller
from tests.inprocess import InProcess

from pixazo_simulator.control import JournalPage, responses
from pixazo_simulator.server.console.timeline import LABEL, LONGEST_PAUSE, WIDTH, Axis, Line, Mark, Timeline, draw
from pixazo_simulator.world.registry import Settings

T = TypeVar("T")
START = datetime(2026, 3, 31, 10, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """So many seconds after the start."""
    return START + timedelta(seconds=seconds)


moments = st.lists(st.floats(0, 1e8, allow_nan=False), min_size=1, max_size=40)


@given(seconds=moments)
@settings(max_examples=50)
def test_what_is_later_stands_further_right_and_all_within_the_drawing(seconds: list[float]) -> None:
    """Whatever pauses lie between."""
    axis = Axis(map(at, seconds))
    places = [axis.x(at(each)) for each in sorted(seconds)]
    assert places == sorted(places)
    assert places[0] == LABEL
    assert places[-1] <= LABEL + WIDTH + 0.001


@given(seconds=moments, other=st.floats(0, 1e8))
def test_an_instant_that_was_not_given_has_its_place_between_its_neighbours(seconds: list[float], other: float) -> None:
    """A state ends where another row has nothing."""
    axis = Axis(map(at, seconds))
    first, last = min(seconds), max(seconds)
    between = min(max(other, first), last)
    before = max(each for each in seconds if each <= between)
    after = min(each for each in seconds if each >= between)
    assert axis.x(at(before)) - 0.001 <= axis.x(at(between)) <= axis.x(at(after)) + 0.001


@given(seconds=moments)
@settings(max_examples=50)
def test_pauses_are_shortened_and_nothing_else(seconds: list[float]) -> None:
    """Up to its length a pause is as long as the time is; beyond, all are draw alike, each with its true length."""
    axis = Axis(map(at, seconds))
    ordered = sorted({at(each) for each in seconds})
    gaps = [(after - before).total_seconds() for before, after in pairwise(ordered)]
    widths = [axis.x(after) - axis.x(before) for before, after in pairwise(ordered)]
    scale = WIDTH / max(1.0, sum(min(each, LONGEST_PAUSE) for each in gaps))
    assert widths == pytest.approx([min(each, LONGEST_PAUSE) * scale for each in gaps], abs=0.01)
    assert len(axis.shortened()) == sum(each > LONGEST_PAUSE for each in gaps)


@given(seconds=moments)
@settings(max_examples=50)
def test_the_times_above_stand_apart_and_begin_with_the_first(seconds: list[float]) -> None:
    """So that none lies over another: seven of them and the last few, at most."""
    ticks = Axis(map(at, seconds)).ticks()
    places = [each.x for each in ticks]
    assert places[0] == LABEL
    assert len(places) <= 8
    assert all(after - before >= WIDTH / 7 - 0.001 for before, after in pairwise(places))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (21, "21 s"),
        (60, "1 min"),
        (90, "1.5 min"),
        (3600, "1 h"),
        (5 * 3600, "5 h"),
        (86_400, "1 d"),
        (10 * 86_400, "10 d"),
    ],
)
def test_a_pause_says_how_long_it_is(seconds: int, text: str) -> None:
    assert [each.text for each in Axis([START, at(seconds)]).shortened()] == [text]


# Drawings of worlds


class World:
    """The caller's world, and the drawing of it as its page makes it."""

    def __init__(self, send: InProcess) -> None:
        self.caller = Caller(send, "sim-key")

    def drawing(self) -> Timeline:
        """The drawing of now."""

        generations = self._read("generations", responses.GenerationPage).generations
        exchanges = self._read("journal", JournalPage).exchanges
        deliveries = self._read("deliveries", responses.DeliveryPage).deliveries
        entries = self._read("ledger", responses.LedgerPage).entries
        now = self._read("world", responses.WorldState).now
        shown = draw(generations, exchanges, deliveries, entries, now)
        sound(shown)
        return shown

    def _read(self, what: str, kind: type[T]) -> T:
        return responses.decode(self.caller.call("GET", f"/_sim/{what}").body, kind)


def marks(line: Line, kind: str) -> list[Mark]:
    """Those of one kind."""
    return [each for each in line.marks if each.kind == kind]


def sound(drawing: Timeline) -> None:
    """Check what holds for every drawing."""
    right = LABEL + WIDTH + 0.001
    assert LABEL <= drawing.now <= right
    assert [each.y for each in drawing.lines] == sorted({each.y for each in drawing.lines})
    assert all(each.y + 29 < drawing.height for each in drawing.lines)
    for line in drawing.lines:
        assert all(LABEL <= each.x <= right for each in line.marks)
        assert all(each.x >= LABEL and each.x + each.width <= right + 2 for each in line.spans)
        for before, after in pairwise(line.spans):
            assert before.x + before.width <= after.x + 2.001, "two units are the least width"
            assert (before.coming, after.coming) != (True, False)
            assert (before.state, after.state) != ("PROCESSING", "QUEUED")


steps = st.lists(
    st.one_of(
        st.sampled_from([0.001, 1, 5, 19, 20, 21, 3600, 86_400, 10**7]).map(lambda seconds: ("advance", seconds)),
        st.sampled_from(["A bear", "[[sim:failed no]]", "[[sim:error no]]"]).map(lambda prompt: ("generate", prompt)),
        st.just(("read", 0)),
    ),
    max_size=12,
)


@given(steps=steps)
@settings(max_examples=15)
def test_whatever_happens_in_a_world_is_drawn_in_order(steps: list[tuple[str, float | str]]) -> None:
    """Spans follow one another, nothing leaves the drawing, and every poll has its mark."""
    with InProcess(Settings(keys=("sim-key",))) as send:
        world = World(send)
        made = list[str]()
        reads = 0
        for kind, what in steps:
            if kind == "advance":
                world.caller.advance(float(what))
            elif kind == "generate":
                made.append(world.caller.accepted(str(what), webhook="http://127.0.0.1:9/hook"))
            elif made:
                reads += 1
                world.caller.status(made[-1])
        drawing = world.drawing()
        assert [each.generation.request_id for each in drawing.lines] == made[::-1]
        assert sum(len(marks(each, "poll")) for each in drawing.lines) == reads


@pytest.fixture
def world() -> Iterator[World]:
    """A world of its own."""
    with InProcess(Settings(keys=("sim-key",))) as send:
        yield World(send)


def spans(drawing: Timeline) -> list[tuple[str, bool]]:
    """The states of the only generation, and which are to come."""
    (line,) = drawing.lines
    return [(each.state, each.coming) for each in line.spans]


def test_a_world_without_generations_is_drawn(world: World) -> None:
    drawing = world.drawing()
    assert (drawing.lines, drawing.now, drawing.pauses) == ([], LABEL, [])


def test_what_is_to_come_is_drawn_as_such(world: World) -> None:
    """On acceptance all of it, half-way what is left; at the end nothing."""
    world.caller.accepted()
    assert spans(world.drawing()) == [("QUEUED", True), ("PROCESSING", True)]
    world.caller.advance(1)
    assert spans(world.drawing()) == [("QUEUED", False), ("QUEUED", True), ("PROCESSING", True)]
    world.caller.advance(100)
    drawing = world.drawing()
    assert spans(drawing) == [("QUEUED", False), ("PROCESSING", False)]
    assert [each.text for each in marks(drawing.lines[0], "end")] == ["✓"]
    assert len(drawing.pauses) == 1


@pytest.mark.parametrize(
    ("reads", "expected"),
    [(0, [("QUEUED", False)]), (1, [("QUEUED", False)]), (2, [("QUEUED", False), ("PROCESSING", False)])],
)
def test_a_generation_that_reads_move_on_is_drawn_up_to_now(
    world: World, reads: int, expected: list[tuple[str, bool]]
) -> None:
    """Nobody knows when it ends."""
    identity = world.caller.accepted("[[sim:polls 2]] A bear")
    for _ in range(reads):
        world.caller.advance(2)
        world.caller.status(identity)
    world.caller.advance(2)
    drawing = world.drawing()
    assert spans(drawing) == expected
    assert [each.kind for each in drawing.lines[0].marks if each.kind != "money"] == ["poll"] * reads


def test_a_generation_that_never_ends_is_drawn_up_to_now(world: World) -> None:
    """Within the drawing, also after a year."""
    world.caller.accepted("[[sim:stuck]] A bear")
    world.caller.advance(31_536_000)
    drawing = world.drawing()
    assert marks(drawing.lines[0], "end") == []
    assert all(not each.coming for each in drawing.lines[0].spans)


def test_a_row_says_in_words_what_is_drawn(world: World) -> None:
    """For those who do not see it: polls, webhooks, charge and refund."""
    identity = world.caller.accepted("[[sim:error no]]", webhook="http://127.0.0.1:9/hook")
    world.caller.advance(100)
    world.caller.status(identity)
    (line,) = world.drawing().lines
    assert [each.is_good for each in marks(line, "poll")] == [True]
    assert not any(each.is_good for each in marks(line, "webhook"))
    assert [each.text.split()[0] for each in marks(line, "money")] == ["debit", "refund"]
    assert f"generate {identity} accepted 10:00:00, ERROR since" in line.text
    assert "read 2: 200 ERROR" in line.text
    assert "webhook 1, attempt 1: connection refused" in line.text
