"""Control routes about a world as a whole: create, show, change, delete; its wallet and its generations."""

from __future__ import annotations

from msgspec import UNSET

from pixazo_simulator.control.route import ControlRequest, Refused, refuse_value_errors, route
from pixazo_simulator.control.schema import examples, rendering
from pixazo_simulator.control.schema.requests import Latest, NewWorld, NoParameters, WorldChange
from pixazo_simulator.control.schema.responses import CreatedWorld, Deleted, GenerationPage, LedgerPage, WorldState
from pixazo_simulator.script import Script
from pixazo_simulator.spec import PROFILES, Policy, micros, nearest
from pixazo_simulator.world import ChangeWorld, clock_factory


@route(
    "POST", "/_sim/worlds", status=201, needs_world=False, reveals=("key",), response_example=examples.CREATED_WORLD,
    request_example={"balance": "0.50", "clock": "manual", "policy": {"job_times": "1+4"}, "seed": 7},
)  # fmt: skip
async def create_world(request: ControlRequest[NewWorld]) -> CreatedWorld:
    """Create a world for a key, which is made up when none is given."""
    wanted, worlds = request.body, request.worlds
    key = None if wanted.key is UNSET else wanted.key
    if key is not None and (not key.strip() or key != key.strip() or not key.isascii() or not key.isprintable()):
        raise Refused(400, "the key cannot be sent as a header: use printable ASCII without outer spaces")
    script = None
    with refuse_value_errors():
        if wanted.script is not UNSET:
            script = Script()
            script.set(wanted.script)
        created = worlds.create(
            key,
            policy=worlds.permitted(_policy(wanted, worlds.settings.policy)),
            clock=None if wanted.clock is UNSET else clock_factory(wanted.clock)(),
            balance=None if wanted.balance is UNSET else micros(wanted.balance),
            seed=None if wanted.seed is UNSET else wanted.seed,
            script=script,
        )
    if wanted.images:
        created.apply(ChangeWorld(created.clock.now(), images=wanted.images))
    return rendering.created_world(created)


def _policy(wanted: NewWorld, default: Policy) -> Policy:
    if wanted.profile is UNSET:
        return default.changed(wanted.policy) if wanted.policy else default
    if wanted.profile not in PROFILES:
        near = nearest(wanted.profile, tuple(PROFILES))
        raise ValueError(f"profile {wanted.profile!r} is not one of {', '.join(PROFILES)}{near}")
    return PROFILES[wanted.profile].changed(wanted.policy)


@route("GET", "/_sim/world", response_example=examples.WORLD)
async def world(request: ControlRequest[NoParameters]) -> WorldState:
    """Show the world of the caller at a glance."""
    return rendering.world(request.world)


@route(
    "PATCH", "/_sim/world", response_example=examples.WORLD,
    request_example={"balance": "0.00", "policy": {"rate_limit": "5/60"}},
)  # fmt: skip
async def change_world(request: ControlRequest[WorldChange]) -> WorldState:
    """Change balance, policy or switches of a world; nothing changes when one of the values is wrong.

    What was accepted keeps its plan.
    """
    changed, wanted = request.world, request.body
    with refuse_value_errors():
        policy = request.worlds.permitted(changed.policy.changed(wanted.policy))
        balance = None if wanted.balance is UNSET else micros(wanted.balance)
    changed.apply(
        ChangeWorld(
            changed.clock.now(),
            policy=policy,
            balance=balance,
            suspended=None if wanted.suspended is UNSET else wanted.suspended,
            model_enabled=None if wanted.model_enabled is UNSET else wanted.model_enabled,
            images=None if wanted.images is UNSET else wanted.images,
        )
    )
    return rendering.world(changed)


@route("DELETE", "/_sim/world", response_example=rendering.DELETED)
async def delete_world(request: ControlRequest[NoParameters]) -> Deleted:
    """Delete the world of the caller and close its TLS listeners; its key is unknown from now on."""
    gone = request.world
    request.worlds.delete(gone.key)
    await request.tls_listeners.close_all(gone)
    gone.notifier.notify()
    return rendering.DELETED


@route("GET", "/_sim/ledger", response_example=examples.LEDGER)
async def ledger(request: ControlRequest[Latest]) -> LedgerPage:
    """List the latest entries of the wallet, and the balance that they come to."""
    return await rendering.ledger(request.world, request.body.limit)


@route("GET", "/_sim/generations", response_example=examples.GENERATIONS)
async def generations(request: ControlRequest[Latest]) -> GenerationPage:
    """List the latest generations: what was asked for, how they are now, and their plan."""
    return await rendering.generations(request.world, request.body.limit)
