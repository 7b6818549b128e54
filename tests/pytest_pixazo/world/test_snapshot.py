"""`with pixazo.snapshot():` undoes what happens in it."""

from __future__ import annotations

from tests.caller import Caller, over_http

from pytest_pixazo import Pixazo


def test_what_happens_in_it_is_undone(pixazo: Pixazo) -> None:
    """Exchanges, money, rules and time; what follows happens as it did before."""
    caller = Caller(over_http(pixazo.url), str(pixazo.api_key))
    caller.generate("A bear")
    before, now = pixazo.generations, pixazo.clock.now
    with pixazo.snapshot():
        pixazo.when("status").reply(429)
        first = caller.generate("A cat")
        pixazo.clock.advance(60)
        assert len(pixazo.generations) == 2
    assert (pixazo.generations, pixazo.clock.now, len(pixazo.journal)) == (before, now, 1)
    assert pixazo.control.script().rules == []
    assert caller.generate("A cat").body == first.body


def test_it_is_undone_when_the_block_fails(pixazo: Pixazo) -> None:
    """One case after another can begin in the same state."""
    caller = Caller(over_http(pixazo.url), str(pixazo.api_key))
    for _ in range(3):
        try:
            with pixazo.snapshot():
                caller.generate("A bear")
                raise LookupError  # noqa: TRY301 - as an app would
        except LookupError:
            assert not pixazo.generations
