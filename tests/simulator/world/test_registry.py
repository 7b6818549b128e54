"""Which key opens which world."""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine

import pytest

from pixazo_simulator.spec.errors import Throttled, UnknownRequest
from pixazo_simulator.spec.parameters import KEYS
from pixazo_simulator.spec.policy import PROFILES, RateLimit
from pixazo_simulator.spec.redaction import Redactor
from pixazo_simulator.world.commands import AddAlias, AdoptWorld, CreateWorld, ReadStatus
from pixazo_simulator.world.registry import KeyTakenError, Settings, Worlds
from pixazo_simulator.world.world import World


def test_the_keys_of_the_settings_open_worlds() -> None:
    worlds = Worlds(Settings(keys=("first-key", "second-key")))
    assert [world.key for world in worlds] == ["first-key", "second-key"]
    for key in ("third-key", "", " ", "FIRST-KEY"):
        assert worlds.find(key) is None
    assert len(worlds) == 2


@pytest.mark.parametrize("key", ["", " ", " x", "x ", "schlüssel", "a\nb", "\ud800"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    """It would open a world that nobody reaches; the message does not show it."""
    with pytest.raises(
        ValueError,
        match=r"^the key cannot be sent as a header: use printable ASCII without leading or trailing spaces$",
    ):
        Worlds(Settings(keys=(key,)))


@pytest.mark.parametrize("name", ["keys", "control_hosts"])
def test_one_string_is_not_several(name: str) -> None:
    """Each of its letters would count."""
    with pytest.raises(TypeError, match=f"^{name} is one string: give a tuple of strings$"):
        Settings(**{name: "my-key"})  # type: ignore[arg-type]  # what is wrong


def test_a_world_starts_from_the_settings() -> None:
    """Policy, balance, seed; each can be replaced for one world."""
    worlds = Worlds(Settings(policy=PROFILES["observed"], balance=7, seed=3))
    given = worlds.create(CreateWorld(key="a-key"))
    assert (given.policy, given.account.ledger.balance(given.clock.now()), given.seed) == (PROFILES["observed"], 7, 3)
    replaced = worlds.create(CreateWorld(key="b-key", policy=PROFILES["documented"], balance=0, seed=0))
    now = replaced.clock.now()
    assert (replaced.policy, replaced.account.ledger.balance(now), replaced.seed) == (PROFILES["documented"], 0, 0)


def test_worlds_have_clocks_of_their_own() -> None:
    """Time passes in one, not in the other."""
    worlds = Worlds(Settings(keys=("a-key", "b-key")))
    first, second = worlds
    first.clock.advance_to(first.clock.now() + 1)
    assert first.clock.now() == second.clock.now() + 1


def test_a_key_has_one_world() -> None:
    """Until that is deleted."""
    worlds = Worlds(Settings(keys=("a-key",)))
    with pytest.raises(KeyTakenError, match="the key has a world already: delete it first, or choose another key"):
        worlds.create(CreateWorld(key="a-key"))
    (old,) = worlds
    worlds.delete("a-key")
    assert worlds.find("a-key") is None
    assert worlds.create(CreateWorld(key="a-key")) is not old
    worlds.delete("no-key")


def test_the_keys_of_a_deleted_world_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own and those that callers sent in place of it, so that the memory of the redactor is bounded."""
    worlds = Worlds(Settings(keys=("first-key",)))
    (world,) = worlds
    monkeypatch.setattr("pixazo_simulator.spec.redaction.MOST_REMEMBERED", 0)
    world.redactor = Redactor(("first-key",))
    world.apply(AddAlias(world.clock.now(), "sent-key"))
    assert world.redactor.text("first-key sent-key") == "[redacted] [redacted]"
    worlds.delete("first-key")
    assert world.redactor.text("first-key sent-key") == "first-key sent-key"


def test_worlds_are_bounded() -> None:
    """The message names the setting; no key opens one more at first sight."""
    worlds = Worlds(Settings(keys=("a-key",), most_worlds=1, open_keys=True))
    with pytest.raises(ValueError, match=r"1 worlds are open already \(setting most_worlds\): delete one first"):
        worlds.create(CreateWorld(key="b-key"))
    assert worlds.find("b-key") is None
    assert worlds.find("sim-suspended") is None
    assert worlds.find("a-key") is not None


@pytest.mark.parametrize("pattern", ["sim-one-video-{}", "open-{}"])
def test_keys_that_open_worlds_at_first_sight_leave_room_for_created_ones(pattern: str) -> None:
    """Nine tenths of the bound are theirs at most."""
    worlds = Worlds(Settings(keys=("a-key",), most_worlds=20, open_keys=True))
    opened = [worlds.find(pattern.format(number)) is not None for number in range(20)]
    assert opened == [True] * 17 + [False] * 3
    for _ in range(2):
        worlds.create(CreateWorld())
    assert len(worlds) == 20


def test_fresh_keys_are_reproducible() -> None:
    """The same seed gives the same keys in the same order, all different."""
    first, same, other = (Worlds(Settings(seed=seed)) for seed in (1, 1, 2))
    keys = [first.fresh_key() for _ in range(100)]
    assert [same.fresh_key() for _ in range(100)] == keys
    assert len({*keys, other.fresh_key()}) == 101
    assert all(key.startswith("sim-") and len(key) == 20 for key in keys)


def test_of_the_open_worlds_of_a_name_one_draws_by_it() -> None:
    """The next one does when that one was deleted, and not while another world has its state."""
    worlds = Worlds(Settings(keys=()))
    first, second = (worlds.create(CreateWorld(name="suite")) for _ in range(2))
    assert (first.source, second.source) == ("suite", second.key)
    worlds.carry_out(AdoptWorld(state=first.portable(0), key="adopted"))
    worlds.delete(first.key)
    assert worlds.create(CreateWorld(key="third", name="suite")).source == "third"
    worlds.delete("adopted")
    assert worlds.create(CreateWorld(name="suite")).source == "suite"


def test_magic_keys_open_worlds_at_first_sight() -> None:
    worlds = Worlds(Settings())
    troubles = {}
    for key in KEYS:
        world = worlds.find(key)
        assert world is not None
        assert worlds.find(key) is world
        account = world.account
        balance = account.ledger.balance(world.clock.now())
        troubles[key] = (balance, account.suspended, account.broken, account.model_enabled, world.policy.rate_limit)
    assert troubles == {
        "sim-empty-wallet": (0, False, False, True, None),
        "sim-one-video": (350_000, False, False, True, None),
        "sim-two-videos": (700_000, False, False, True, None),
        "sim-suspended": (100_000_000, True, False, True, None),
        "sim-throttled": (100_000_000, False, False, True, RateLimit(0, 1)),
        "sim-throttled-briefly": (100_000_000, False, False, True, RateLimit(1000, 2)),
        "sim-broken": (100_000_000, False, True, True, None),
        "sim-disabled-model": (100_000_000, False, False, False, None),
        "sim-another-account": (100_000_000, False, False, True, None),
    }


def test_a_suffix_opens_one_more_world_of_a_magic_key() -> None:
    worlds = Worlds(Settings())
    first, second = worlds.find("sim-suspended-1"), worlds.find("sim-suspended-2")
    assert first is not None
    assert second is not None
    assert first is not second
    assert first.account.suspended
    brief = worlds.find("sim-throttled-briefly-7")
    assert brief is not None
    assert brief.policy.rate_limit == RateLimit(1000, 2)
    assert worlds.find("sim-suspendedX") is None


def read(world: World) -> object:
    """What becomes of a status read now."""
    return world.apply(ReadStatus(world.clock.now(), [], "", "x", "")).result


def test_a_brief_throttle_ends_after_its_window() -> None:
    """Refused with the seconds to wait, then served."""
    worlds = Worlds(Settings())
    world = worlds.find("sim-throttled-briefly")
    assert world is not None
    assert read(world) == Throttled(2)
    world.clock.advance_to(world.clock.now() + 1999)
    assert read(world) == Throttled(1)
    world.clock.advance_to(world.clock.now() + 1)
    assert read(world) == UnknownRequest("x")


def test_magic_can_be_switched_off() -> None:
    """For keys, and for the prompts of every world."""
    worlds = Worlds(Settings(magic=False))
    assert all(worlds.find(key) is None for key in KEYS)
    assert [world.account.magic for world in worlds] == [False]


def test_an_open_server_opens_a_world_for_any_key() -> None:
    worlds = Worlds(Settings(open_keys=True))
    world = worlds.find("whoever")
    assert world is not None
    assert worlds.find("whoever") is world
    assert worlds.find(" ") is None


def test_the_clock_of_a_world_starts_where_the_settings_say() -> None:
    """That of the server, which refused requests are entered by, as well."""
    worlds = Worlds(Settings(start="2031-01-01T00:00:00Z"))
    assert [world.clock.now() for world in worlds] == [worlds.clock.now()] == [1_924_992_000_000]


@pytest.mark.parametrize("order", ["inner first", "outer first"])
def test_work_in_steps_is_abandoned_without_a_complaint(order: str) -> None:
    """The garbage collector closes what a loop that ended left behind in any order."""
    closed: list[str] = []

    async def work() -> None:
        try:
            await never()
        finally:
            closed.append("work")

    inner = work()
    outer = Worlds(Settings()).in_steps(lambda: inner)
    outer.send(None)
    for each in (inner, outer) if order == "inner first" else (outer, inner):
        each.close()
    assert closed == ["work"]


@coroutine
def never() -> Generator[None]:
    """Wait for ever."""
    while True:
        yield
