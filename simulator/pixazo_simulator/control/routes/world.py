"""Control routes about a world as a whole: open, show, change, forget; its money and its work."""

from __future__ import annotations

from msgspec import UNSET

from pixazo_simulator.control.route import ControlRequest, Refused, readable, route
from pixazo_simulator.control.schema import examples
from pixazo_simulator.control.schema import responses as shapes
from pixazo_simulator.control.schema.rendering import told_entry, told_generation, told_in_turns, told_world
from pixazo_simulator.control.schema.requests import Latest, NewWorld, Nothing, WorldChange
from pixazo_simulator.script import Script
from pixazo_simulator.spec import PROFILES, Policy, micros, nearest
from pixazo_simulator.world import ChangeWorld, clock_factory


@route(
    "POST", "/_sim/worlds", status=201, worldly=False, reveals=("key",),
    answer=examples.CREATED_WORLD, example={"balance": "0.50", "clock": "manual", "policy": {"job_times": "1+4"}, "seed": 7},
)  # fmt: skip
async def create_world(request: ControlRequest[NewWorld]) -> shapes.CreatedWorld:
    """Open a world for a key, which is made up when none is given."""
    wish, worlds = request.wish, request.worlds
    key = None if wish.key is UNSET else wish.key
    if key is not None and (not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable()):
        raise Refused(400, "the key cannot be sent as a header: use printable ASCII without outer spaces")
    script = None
    with readable():
        if wish.script is not UNSET:
            script = Script()
            script.set(wish.script)
        made = worlds.create(
            key,
            policy=worlds.permitted(_policy(wish, worlds.settings.policy)),
            clock=None if wish.clock is UNSET else clock_factory(wish.clock)(),
            balance=None if wish.balance is UNSET else micros(wish.balance),
            seed=None if wish.seed is UNSET else wish.seed,
            script=script,
        )
    if wish.images:
        made.apply(ChangeWorld(made.clock.now(), images=wish.images))
    return {**told_world(made), "key": made.key}


def _policy(wish: NewWorld, default: Policy) -> Policy:
    if wish.profile is UNSET:
        return default.changed(wish.policy) if wish.policy else default
    if wish.profile not in PROFILES:
        raise ValueError(
            f"profile {wish.profile!r} is not one of {', '.join(PROFILES)}{nearest(wish.profile, tuple(PROFILES))}"
        )
    return PROFILES[wish.profile].changed(wish.policy)


@route("GET", "/_sim/world", answer=examples.WORLD)
async def world(request: ControlRequest[Nothing]) -> shapes.World:
    """Show the world of the caller at a glance."""
    return told_world(request.world)


@route("PATCH", "/_sim/world", answer=examples.WORLD, example={"balance": "0.00", "policy": {"rate_limit": "5/60"}})
async def change_world(request: ControlRequest[WorldChange]) -> shapes.World:
    """Change balance, policy or switches of a world; nothing changes when one of the wishes is wrong.

    What was accepted keeps its plan.
    """
    changed, wish = request.world, request.wish
    with readable():
        policy = request.worlds.permitted(changed.policy.changed(wish.policy))
        balance = None if wish.balance is UNSET else micros(wish.balance)
    changed.apply(
        ChangeWorld(
            changed.clock.now(),
            policy=policy,
            balance=balance,
            suspended=None if wish.suspended is UNSET else wish.suspended,
            model_enabled=None if wish.model_enabled is UNSET else wish.model_enabled,
            images=None if wish.images is UNSET else wish.images,
        )
    )
    return told_world(changed)


@route("DELETE", "/_sim/world", answer=examples.DELETED)
async def delete_world(request: ControlRequest[Nothing]) -> shapes.Deleted:
    """Forget the world of the caller and close its doors; its key is unknown from now on."""
    gone = request.world
    request.worlds.delete(gone.key)
    await request.doors.close_all(gone)
    gone.notifier.notify()
    return {"deleted": True}


@route("GET", "/_sim/ledger", answer=examples.LEDGER)
async def ledger(request: ControlRequest[Latest]) -> shapes.Ledger:
    """List the latest entries of the wallet, and the balance that they come to."""
    owner = request.world
    entries = owner.account.ledger.entries(owner.clock.now())
    listed = await told_in_turns(told_entry(entry) for entry in entries[-request.wish.limit :])
    return {"balance": told_world(owner)["balance"], "total": len(entries), "entries": listed}


@route("GET", "/_sim/generations", answer=examples.GENERATIONS)
async def generations(request: ControlRequest[Latest]) -> shapes.Generations:
    """List the latest generations: what was asked for, how they are now, and their plan."""
    owner = request.world
    accepted = owner.generations()
    listed = await told_in_turns(told_generation(owner, each) for each in accepted[-request.wish.limit :])
    return {"total": len(accepted), "generations": listed}
