"""What a test asks of its world: by marker, else by command line, else by ini file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pixazo_simulator.server import read_profile
from pixazo_simulator.spec import PROFILES, Policy, micros, nearest
from pixazo_simulator.world import clock_factory

from .seed import name_of, seed_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


ARGUMENTS = ("balance", "clock", "policy", "profile", "seed", "strict")
"""What the marker knows. Each but `policy` is an ini setting, too, named `pixazo_<argument>`."""

ELSEWHERE = ("real_gateway", "allow_conduct")
"""What else the marker knows: the guard and the conduct report read it."""
KNOWN = (*ARGUMENTS, *ELSEWHERE)


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """How the world of one test starts: its balance in US dollars, its clock (`manual`, `real`, `xN`), policy and seed; whether it is strict."""

    balance: str
    clock: str
    policy: Policy
    seed: int
    strict: bool


def read_settings(item: pytest.Item) -> WorldSettings:
    """What this test asks for; of several markers the nearest decides, argument by argument.

    Raises ValueError that names the argument, the value and the remedy.
    """
    marked = _marked(item)
    found = {name: marked[name] if name in marked else _inherited(item.config, name) for name in ARGUMENTS}
    seed = found["seed"]
    return WorldSettings(
        balance=found["balance"],
        clock=found["clock"],
        policy=_changed(found["profile"], found["policy"]),
        seed=seed_of(name_of(item)) if seed is None else seed,
        strict=found["strict"],
    )


def _marked(item: pytest.Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for mark in item.iter_markers("pixazo"):
        if mark.args:
            raise ValueError(f"marker pixazo: {mark.args[0]!r} has no name: write it as one of {', '.join(KNOWN)}")
        for name, value in mark.kwargs.items():
            if name in ELSEWHERE:
                _check_elsewhere(name, value)
                continue
            if name not in ARGUMENTS:
                near = nearest(name, KNOWN)
                raise ValueError(f"marker pixazo: argument {name!r} is not one of {', '.join(KNOWN)}{near}")
            found.setdefault(name, _read(item.config, name, value, "marker pixazo"))
    return found


def _check_elsewhere(name: str, value: Any) -> None:
    """Raise ValueError for a value that means nothing to whoever reads it, such as an unknown rule of conduct, before the test runs."""
    from pytest_pixazo.reports.conduct import known_rules

    try:
        if name == "real_gateway":
            _is_true(name, value)
        else:
            known_rules(value)
    except ValueError as error:
        raise ValueError(f"marker pixazo: {error}") from None


def _inherited(config: pytest.Config, name: str) -> Any:
    """What holds for tests whose marker says nothing."""
    if name == "policy":
        return {}
    if name == "seed" and (given := config.getoption("pixazo_seed")) is not None:
        return _read(config, name, given, "option --pixazo-seed")
    value = config.getini(f"pixazo_{name}")
    return None if value == "" else _read(config, name, value, f"ini setting pixazo_{name}")


def _read(config: pytest.Config, name: str, value: Any, where: str) -> Any:
    try:
        return _profile(value, config.rootpath) if name == "profile" else _READERS[name](value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _changed(profile: Policy, fields: Mapping[str, Any]) -> Policy:
    try:
        return profile.changed(fields)
    except ValueError as error:
        raise ValueError(f"marker pixazo: {error}") from None


def _balance(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"balance {value!r} is not a sum of US dollars, such as '12.50'")  # noqa: TRY004 - a value of the user's
    try:
        micros(str(value))
    except ValueError as error:
        raise ValueError(str(error).replace("amount", "balance", 1)) from None
    return str(value)


def _clock(value: Any) -> str:
    clock_factory(str(value))
    return str(value)


def _policy(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"policy {value!r} is not a dict of fields, such as {{'job_times': '1+4'}}")  # noqa: TRY004 - a value of the user's
    return cast("Mapping[str, Any]", value)


def _profile(value: Any, root: Path) -> Policy:
    """The profile of this name, or in this file as seen from the root folder."""
    path = root / str(value)
    return read_profile(str(path) if value not in PROFILES and path.is_file() else str(value))


def _seed(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise ValueError(f"seed {value!r} is not a whole number from 0 on")
    return int(text)


def _is_true(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} {value!r} is neither True nor False")  # noqa: TRY004 - a value of the user's
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "balance": _balance,
    "clock": _clock,
    "policy": _policy,
    "seed": _seed,
    "strict": partial(_is_true, "strict"),
}
