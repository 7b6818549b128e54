"""The settings of a test's world: from the marker, else the command line, else the ini file.

Its seed and its key are derived from the test's name, so that the world is the same in every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from pixazo_simulator.server import read_profile
from pixazo_simulator.spec import PROFILES, Policy, micros, nearest
from pixazo_simulator.world import clock_factory
from pytest_pixazo.reports import require_checks, require_labels

from .simulators import located

ARGUMENTS = ("balance", "clock", "policy", "profile", "seed", "strict")
"""The arguments of the marker. Each but `policy` is an ini setting, too, named `pixazo_<argument>`."""
KNOWN = (*ARGUMENTS, "real_gateway", "allow_conduct", "only")
"""With the arguments of the marker that the guard and the reports read."""


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """How the world of one test starts: its balance in US dollars, its clock (`manual`, `real`, `xN`), policy and seed; whether it is strict."""

    balance: str
    clock: str
    policy: Policy
    seed: int
    strict: bool


def read_settings(item: pytest.Item) -> WorldSettings:
    """The settings of this test; of several markers the nearest decides, argument by argument.

    Raises ValueError that names the argument, the value and the remedy.
    """
    marked = _marked(item)
    found = {name: marked[name] if name in marked else _inherited(item.config, name) for name in ARGUMENTS}
    seed, profile, fields = found["seed"], found["profile"], found["policy"]
    return WorldSettings(
        balance=found["balance"],
        clock=found["clock"],
        policy=_located("marker pixazo", profile.changed, fields),
        seed=seed_of(name_of(item)) if seed is None else seed,
        strict=found["strict"],
    )


def _marked(item: pytest.Item) -> dict[str, Any]:
    """The arguments that markers give. Raises ValueError."""
    found: dict[str, Any] = {}
    for mark in item.iter_markers("pixazo"):
        if mark.args:
            raise ValueError(f"marker pixazo: {mark.args[0]!r} has no name: write it as one of {', '.join(KNOWN)}")
        for name, value in mark.kwargs.items():
            if name not in KNOWN:
                raise ValueError(
                    f"marker pixazo: argument {name!r} is not one of {', '.join(KNOWN)}{nearest(name, KNOWN)}"
                )
            given = _located("marker pixazo", _reader(name, item.config.rootpath), value)
            found.setdefault(name, given)
    return found


def _inherited(config: pytest.Config, name: str) -> Any:
    """The value for tests whose marker does not give one."""
    if name == "policy":
        return {}
    if name == "seed" and (given := config.getoption("pixazo_seed")) is not None:
        return _located("option --pixazo-seed", _seed, given)
    value = config.getini(f"pixazo_{name}")
    return None if value == "" else _located(f"ini setting pixazo_{name}", _reader(name, config.rootpath), value)


def _located(where: str, read: Callable[[Any], Any], value: Any) -> Any:
    with located(where):
        return read(value)


def _reader(name: str, root: Path) -> Callable[[Any], Any]:
    return partial(_profile, root=root) if name == "profile" else _READERS[name]


def _balance(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError(f"balance {value!r} is not a sum of US dollars, such as '12.50'")  # noqa: TRY004 - a value of the user's
    micros(str(value), "balance")
    return str(value)


def _clock(value: Any) -> str:
    clock_factory(str(value))
    return str(value)


def _policy(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"policy {value!r} is not a dict of fields, such as {{'job_times': '1+4'}}")  # noqa: TRY004 - a value of the user's
    return cast("Mapping[str, Any]", value)


def _profile(value: Any, root: Path) -> Policy:
    """The profile of this name, or in this file relative to the root folder."""
    path = root / str(value)
    return read_profile(str(path) if value not in PROFILES and path.is_file() else str(value))


def _seed(value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise ValueError(f"seed {value!r} is not a whole number from 0 on")
    return int(text)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} {value!r} is neither True nor False")  # noqa: TRY004 - a value of the user's
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "balance": _balance,
    "clock": _clock,
    "policy": _policy,
    "seed": _seed,
    "strict": partial(_flag, "strict"),
    "real_gateway": partial(_flag, "real_gateway"),
    "allow_conduct": require_checks,  # before the test runs, although the reports read these two only after it
    "only": require_labels,
}


def name_of(item: pytest.Item) -> str:
    """File and name of a test, which depend neither on the order of the tests nor on the xdist worker (node ids may)."""
    path, _, name = item.location
    return f"{path}::{name}"


def seed_of(name: str) -> int:
    """The seed of a test that sets none: 32 bits, short enough to be copied by hand."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())


def key_of(name: str) -> str:
    """The key to the world of a test, long enough to be found and redacted wherever it occurs."""
    return f"sim-test-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
