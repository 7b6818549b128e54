"""From command-line options and a profile file to a target, run options and terms."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pixazo_contracts.target import (
    SETTLE_POLLS,
    SHORTEST_SETTLE,
    ConfigurationError,
    Profile,
    ProfileFile,
    Target,
    read_profile,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Given", "ledger_path", "pairs", "profile_file", "target"]

DEFAULT_PACE: Final = 5.0
DEFAULT_DEADLINE: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says of a target; None and empty where it says nothing."""

    target: str
    api_key: str | None = None
    api_key_env: str = "PIXAZO_API_KEY"
    accounts: Sequence[str] = ()
    prompts: Sequence[str] = ()
    have: str = ""
    pace: float | None = None
    deadline: float | None = None
    max_generations: int = 0
    receiver_url: str | None = None


def pairs(option: str, values: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Repeated `NAME=VALUE` options by name. Raises `ConfigurationError`."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals or not text:
            raise ConfigurationError(f"{option} {value!r}: write {option} NAME=VALUE")
        found[name] = (*found.get(name, ()), text)
    return found


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"--target {url!r} is no URL: write http://HOST:PORT or https://HOST")
    if parts.path.strip("/") or parts.query:
        raise ConfigurationError(
            f"--target {url!r} has a path: give the origin only, as in {parts.scheme}://{parts.netloc}"
        )
    return f"{parts.scheme}://{parts.netloc}"


def profile_file(path: Path | None) -> ProfileFile:
    """The profile file, or an empty one."""
    return ProfileFile() if path is None else read_profile(path)


def _keys(given: Given, file: ProfileFile, environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    key = given.api_key or environment.get(given.api_key_env)
    if not key:
        raise ConfigurationError(f"no API key: pass --api-key or set {given.api_key_env}")
    keys = {**file.keys(), **pairs("--account", given.accounts), "default": (key,)}
    for role, values in keys.items():
        if any(not value.isascii() or not value.isprintable() or value != value.strip() for value in values):
            raise ConfigurationError(
                f"the key of the account {role!r} cannot stand in a header: check it for odd characters"
            )
    return keys


def _or(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def target(given: Given, file: ProfileFile, environment: Mapping[str, str] | None = None) -> Target:
    """The target that options and profile file describe, options first. Raises `ConfigurationError`."""
    origin = _origin(given.target)
    pace, deadline = _or(given.pace, file.pace, DEFAULT_PACE), _or(given.deadline, file.deadline, DEFAULT_DEADLINE)
    if pace <= 0 or deadline <= 0:
        raise ConfigurationError(f"--pace {pace:g} and --deadline {deadline:g} must be above 0")
    defaults = Profile(origin=origin)
    profile = Profile(
        origin=origin,
        paid=file.paid,
        capabilities=tuple(sorted({*file.capabilities, *filter(None, given.have.split(","))})),
        pace=pace,
        deadline=deadline,
        settle=_or(file.settle, max(SHORTEST_SETTLE, SETTLE_POLLS * pace)),
        patience=_or(file.patience, defaults.patience),
        skew=_or(file.skew, defaults.skew),
        media_hosts=file.media_hosts,
        public_origins=file.public_origins,
        length_tolerance=_or(file.length_tolerance, defaults.length_tolerance),
        height_tolerance=_or(file.height_tolerance, defaults.height_tolerance),
    )
    if given.max_generations and not profile.loopback and not profile.paid:
        raise ConfigurationError(
            f"--max-generations {given.max_generations} on {origin} needs a --profile that says `paid = true`: "
            "generations there cost money"
        )
    environment = os.environ if environment is None else environment
    prompts = {**file.prompts, **{kind: texts[-1] for kind, texts in pairs("--prompt", given.prompts).items()}}
    return Target(profile, _keys(given, file, environment), prompts)


def ledger_path(profile: Profile, environment: Mapping[str, str] | None = None) -> Path | None:
    """Where the spend ledger of a target is kept; None for a target that does not charge."""
    if not profile.limited:
        return None
    environment = os.environ if environment is None else environment
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = hashlib.sha256(profile.origin.encode()).hexdigest()[:16]
    return Path(state) / "pixazo-contracts" / f"ledger-{name}.ndjson"
