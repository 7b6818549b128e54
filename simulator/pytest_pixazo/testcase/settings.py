"""The settings of a test's world, by marker, command line or ini file; seed and key come from its name, so every run is alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pixazo_simulator.server import read_profile
from pixazo_simulator.spec import PROFILES, InvalidDataError, fit, micros, nearest, points
from pixazo_simulator.world import InitialGeneration as Begun
from pixazo_simulator.world import clock_factory, read_start
from pytest_pixazo.reports import read_checks, read_labels

from .simulators import located

ARGUMENTS = ("balance", "clock", "generations", "policy", "profile", "seed", "start", "strict")
"""The arguments of the marker. All except `generations` and `policy` are also ini settings, named `pixazo_<argument>`."""
KNOWN = (*ARGUMENTS, "real_gateway", "allow_conduct", "only", "max_spend")
"""The same, and the arguments of the marker that the guard and the reports read."""


PAGE_START = "2026-03-31T10:00:00Z"
"""Where a manual clock starts when a seed is given: as on the vendor's page."""


class WorldSettings(NamedTuple):
    """How a world starts: the arguments of `create_world`, among them `seed` and `start`; and whether it is strict."""

    options: Mapping[str, Any]
    is_strict: bool


def read_settings(node: pytest.Item | pytest.Collector, options: Mapping[str, Any]) -> WorldSettings:
    """The settings of a world: options before markers, of which the nearest decides, argument by argument.

    Raises ValueError that names the argument, the value and the remedy.
    """
    root = node.config.rootpath
    given: dict[str, Any] = {}
    for mark in node.iter_markers("pixazo"):
        if mark.args:
            raise ValueError(
                f"marker pixazo: {mark.args[0]!r} has no name: write it with one of the names {', '.join(KNOWN)}"
            )
        given = _read("marker pixazo", mark.kwargs, KNOWN, root) | given
    found: dict[str, Any] = {"generations": (), "policy": {}}
    found |= given | _read("fresh", options, ARGUMENTS, root)
    found |= {name: _inherited(node.config, name) for name in ARGUMENTS if name not in found}
    seed = found["seed"]
    with located("marker pixazo"):
        policy = found["profile"].changed(found["policy"])
    default = PROFILES["documented"]
    fields = points() if policy != default else ()
    options = {name: found[name] for name in ("balance", "clock", "generations")} | {
        "profile": "documented",
        "policy": {each: policy.text(each) for each in fields if getattr(policy, each) != getattr(default, each)},
        "seed": seed_of(name_of(node)) if seed is None else seed,
        "start": _start(found["start"], found["clock"], seed),
    }
    return WorldSettings(options, found["strict"])


def _start(given: str | None, clock: str, seed: int | None) -> str | None:
    if clock != "manual":
        return given
    # Now, for code that compares with the time of day, such as a verifier of signatures; a whole second, so that rounding is the same everywhere.
    start = given or ("now" if seed is None else PAGE_START)
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" if start == "now" else start


def _read(where: str, given: Mapping[str, Any], known: tuple[str, ...], root: Path) -> dict[str, Any]:
    for name in given:
        if name not in known:
            raise ValueError(f"{where}: argument {name!r} is not one of {', '.join(known)}{nearest(name, known)}")
    return {name: _value(where, name, value, root) for name, value in given.items()}


def _inherited(config: pytest.Config, name: str) -> Any:
    """The value for tests whose marker does not give one."""
    if name in ("seed", "start") and (given := config.getoption(f"pixazo_{name}")) is not None:
        return _value(f"option --pixazo-{name}", name, given, config.rootpath)
    value = config.getini(f"pixazo_{name}")
    return None if value == "" else _value(f"ini setting pixazo_{name}", name, value, config.rootpath)


_TEXTS: Mapping[str, Callable[[str], object]] = {
    "balance": partial(micros, name="balance"),
    "clock": clock_factory,
    "max_spend": partial(micros, name="max_spend"),
    "start": read_start,
}
"""The function that checks an argument that is used as text."""


def _value(where: str, name: str, value: Any, root: Path) -> Any:
    with located(where):
        if check := _TEXTS.get(name):
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            check(text)
            return text
        match name:
            case "profile":
                file = root / str(value)
                return read_profile(str(file) if value not in PROFILES and file.is_file() else str(value))
            case "seed":
                if not (text := str(value)).isdecimal() or not text.isascii():
                    raise ValueError(f"seed {value!r} is not a whole number of at least 0")
                return int(text)
            case "allow_conduct":  # checked before the test runs, although the reports read these two only afterwards
                return read_checks(value)
            case "only":
                return read_labels(value)
            case _:
                _check(name, value)
    return value


def _check(name: str, value: object) -> None:
    match name:
        case "generations":
            try:
                fit(value, tuple[Begun, ...])
            except InvalidDataError as misfit:
                raise ValueError(f"generations {misfit}") from None
        case "policy" if not isinstance(value, Mapping):
            raise ValueError(f"policy {value!r} is not a dict of fields, such as {{'job_times': '1+4'}}")
        case "strict" | "real_gateway" if not isinstance(value, bool):
            raise ValueError(f"{name} {value!r} is neither True nor False")
        case _:
            pass


def name_of(node: pytest.Item | pytest.Collector) -> str:
    """File and name of a test, which do not depend on the order of the tests or on the xdist worker (node ids may); for a collector its id."""
    if not isinstance(node, pytest.Item):
        return node.nodeid or "session"
    path, _, name = node.location
    return f"{path}::{name}"


def seed_of(name: str) -> int:
    """The seed of a test that sets none: 32 bits, short enough to be copied by hand."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())


def key_of(name: str) -> str:
    """The key to the world of a test, long enough to be found and redacted wherever it occurs."""
    return f"sim-test-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
