"""Reads a profile file: a set of policy values in TOML or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from pixazo_simulator.lines import read_toml
from pixazo_simulator.policy import PROFILES, Policy, nearest
from pixazo_simulator.script_file import read_text

__all__ = ["read_profile"]


def read_profile(name: str) -> Policy:
    """The profile with this name, or the one in the file with this path.

    A file holds policy fields at its top level; `extends` names the profile that it starts from (`documented` if absent).
    Raises ValueError that names the file, the field and the remedy.
    """
    if name in PROFILES:
        return PROFILES[name]
    path = Path(name)
    if not path.suffix and not _is_there(path):
        raise ValueError(
            f"profile {name!r} is not one of {', '.join(PROFILES)}, nor a file{nearest(name, tuple(PROFILES))}"
        )
    try:
        return _changed(name, _values(path))
    except RecursionError:
        raise ValueError(f"profile {name} is nested too deeply") from None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _changed(name: str, values: dict[str, Any]) -> Policy:
    base = str(values.pop("extends", "documented"))
    if base not in PROFILES:
        raise ValueError(
            f"profile {name}: extends {base!r} is not one of {', '.join(PROFILES)}{nearest(base, tuple(PROFILES))}"
        )
    try:
        return PROFILES[base].changed(values)
    except ValueError as error:
        raise ValueError(f"profile {name}: {error}") from None


def _values(path: Path) -> dict[str, Any]:
    text = read_text(path, "profile")
    try:
        values = json.loads(text) if path.suffix == ".json" else read_toml(text)
    except ValueError as error:
        raise ValueError(
            f"profile {path} is not valid {'JSON' if path.suffix == '.json' else 'TOML'}: {error}"
        ) from None
    if isinstance(values, dict):
        return cast("dict[str, Any]", values)
    raise ValueError(f"profile {path} is not a table of policy fields")
