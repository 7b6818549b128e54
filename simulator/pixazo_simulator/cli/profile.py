"""Reads a profile file: a set of policy values in TOML or JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from pixazo_simulator.lines import read_toml
from pixazo_simulator.policy import PROFILES, Policy, nearest

__all__ = ["read_profile"]


def read_profile(name: str) -> Policy:
    """The profile with this name, or the one in the file with this path.

    A file holds policy fields at its top level; `extends` names the profile that it starts from (`documented` if absent).
    Raises ValueError that names the file, the field and the remedy.
    """
    if name in PROFILES:
        return PROFILES[name]
    path = Path(name)
    if not path.suffix and not path.exists():
        raise ValueError(
            f"profile {name!r} is not one of {', '.join(PROFILES)}, nor a file{nearest(name, tuple(PROFILES))}"
        )
    values = _values(path)
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
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else read_toml(text)
    except OSError as error:
        raise ValueError(f"profile {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(
            f"profile {path} is not valid {'JSON' if path.suffix == '.json' else 'TOML'}: {error}"
        ) from None
    if isinstance(values, dict):
        return cast("dict[str, Any]", values)
    raise ValueError(f"profile {path} is not a table of policy fields")
