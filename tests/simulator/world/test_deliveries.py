"""When a callback is attempted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pixazo_simulator.world.deliveries import Attempt, Delivery, Outbox, next_attempt, next_progress

FAILED = Attempt(0, 500, "answered 500")


def delivery(*attempts: Attempt, progress: bool = False) -> Delivery:
    """A callback about an event at 1000."""
    return Delivery(1, "id", "http://127.0.0.1/", "X-Webhook-URL", 1_000, progress=progress, attempts=attempts)


def test_the_first_attempt_is_due_at_the_event() -> None:
    assert next_attempt(delivery(), ()) == 1_000


def test_pauses_are_counted_from_the_attempt_before() -> None:
    """5 s, 300 s, 1800 s, then it is given up; an attempt may itself be late."""
    retries = (5, 300, 1_800)
    made = (
        Attempt(1_000, 503),
        Attempt(7_500, None, "no response within 15 s"),
        Attempt(307_500, 404),
        Attempt(2_107_500, 500),
    )
    due = [next_attempt(delivery(*made[:count]), retries) for count in (1, 2, 3, 4)]
    assert due == [6_000, 307_500, 2_107_500, None]


def test_a_success_ends_it() -> None:
    assert next_attempt(delivery(FAILED, Attempt(1, 200)), (5, 5, 5)) is None
    assert next_attempt(delivery(Attempt(1, 299)), (5,)) is None
    assert next_attempt(delivery(Attempt(1, 300)), (5,)) is not None
    assert next_attempt(delivery(Attempt(1, 199)), (5,)) is not None


def test_what_no_repetition_can_help_is_not_repeated() -> None:
    """As when the host is not allowed."""
    assert next_attempt(delivery(Attempt(1, None, "blocked", final=True)), (5,)) is None


def test_progress_is_never_repeated() -> None:
    """The next report says more."""
    assert next_attempt(delivery(FAILED, progress=True), (5,)) is None


@given(st.lists(st.integers(0, 10**6), max_size=20), st.integers(0, 10**12))
def test_a_dead_receiver_is_tried_once_more_than_there_are_pauses(pauses: list[int], event: int) -> None:
    """At exactly the sums of the pauses."""
    made, instants = Delivery(1, "id", "http://127.0.0.1/", "X-Webhook-URL", event), list[int]()
    while (due := next_attempt(made, tuple(pauses))) is not None:
        instants.append(due)
        made = replace(made, attempts=(*made.attempts, Attempt(due, None, "refused")))
    assert instants == [event + 1_000 * sum(pauses[:count]) for count in range(len(pauses) + 1)]


def test_progress_is_reported_at_the_start_and_every_15_seconds() -> None:
    """Until the end, which is reported as such."""
    assert next_progress(2_000, 40_000, -1) == 2_000
    assert next_progress(2_000, 40_000, 2_000) == 17_000
    assert next_progress(2_000, 40_000, 17_000) == 32_000
    assert next_progress(2_000, 40_000, 32_000) is None
    assert next_progress(2_000, 17_000, 2_000) is None
    assert next_progress(2_000, 2_000, -1) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "move", "drop", "take"]), st.integers(1, 5), st.integers(0, 5)), max_size=100
    )
)
def test_an_outbox_gives_what_is_due_first(steps: list[tuple[str, int, int]]) -> None:
    """By instant, then by number, whatever was moved and dropped before."""
    outbox, due = Outbox(10), dict[int, int]()
    for step, number, instant in steps:
        if step == "take":
            first = min(((at, each) for each, at in due.items() if at <= instant), default=None)
            taken = outbox.take(instant)
            assert (taken and (taken[0], taken[1].number)) == first
            if first:
                del due[first[1]]
        elif step == "drop" and number in due:
            outbox.drop(number)
            del due[number]
        elif step != "drop" and (number in due) == (step == "move"):
            (outbox.move if step == "move" else outbox.put)(replace(delivery(), number=number), instant)
            due[number] = instant
        assert outbox.next_due() == min(due.values(), default=None)
        assert [outbox.are_due(count, 3) for count in range(6)] == [
            sum(at <= 3 for at in due.values()) >= count for count in range(6)
        ]
        assert {each.number for each in outbox.pending("id")} == due.keys()


def test_an_outbox_forgets_where_a_delivery_was() -> None:
    """However often it is moved, and however early another one is due."""
    outbox = Outbox(10)
    for number in (1, 2):
        outbox.put(replace(delivery(), number=number), 0)
    for due in range(1_000):
        outbox.move(replace(delivery(), number=2), due)
    assert len(outbox._agenda) < 100  # pyright: ignore[reportPrivateUsage]  # memory is seen nowhere else
