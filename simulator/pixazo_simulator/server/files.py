"""Profiles, scripts and models from files, in TOML or JSON, and the media, so that the wings below do no I/O."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pixazo_simulator.spec import HAILUO, PROFILES, Operation, Policy, nearest, read_model, read_toml

if TYPE_CHECKING:
    from pixazo_simulator.script import Rule

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that is read."""


def read_profile(name: str) -> Policy:
    """The profile with this name, or the one in the file with this path.

    A file holds policy fields at its top level; `extends` names the profile that it starts from (`documented` if absent).
    Raises ValueError that names the file, the field and the remedy.
    """
    if name in PROFILES:
        return PROFILES[name]
    path = Path(name)
    if not path.suffix and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name that is too long
        raise ValueError(
            f"profile {name!r} is not one of {', '.join(PROFILES)}, nor a file{nearest(name, tuple(PROFILES))}"
        )
    try:
        return _read_policy(path, name)
    except RecursionError:
        raise ValueError(f"profile {name} is nested too deeply") from None


def _read_policy(path: Path, name: str) -> Policy:
    text, as_json = _read_text(path, "profile"), path.suffix == ".json"
    try:
        values = json.loads(text) if as_json else read_toml(text)
    except ValueError as error:
        raise ValueError(f"profile {path} is not valid {'JSON' if as_json else 'TOML'}: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"profile {path} is not a table of policy fields")  # noqa: TRY004 - the file is wrong, no argument
    fields = cast("dict[str, Any]", values)
    base = str(fields.pop("extends", "documented"))
    if base not in PROFILES:
        raise ValueError(
            f"profile {name}: extends {base!r} is not one of {', '.join(PROFILES)}{nearest(base, tuple(PROFILES))}"
        )
    try:
        return PROFILES[base].changed(fields)
    except ValueError as error:
        raise ValueError(f"profile {name}: {error}") from None


def read_script(path: Path) -> tuple[Rule, ...]:
    """The rules in a file: JSON if its name ends in `.json`, else TOML.

    Raises ValueError that names the file, the line, the key and the remedy.
    """
    from pixazo_simulator.script import script_from

    return script_from(_read_text(path, "script"), str(path), as_json=path.suffix == ".json")


_MODELS = Path(__file__).parents[1] / "models"


def model_names() -> tuple[str, ...]:
    """The models that come with the simulator, besides that of the page, which is always served."""
    return tuple(sorted(each.stem for each in _MODELS.glob("*.toml") if each.stem != HAILUO[0].model))


def read_models(names: Iterable[str]) -> tuple[Operation, ...]:
    """The operations of models, each of which is `all`, a name of `model_names`, or the path of a file that ends in `.toml`.

    Raises ValueError that names the file, the key, the value and the remedy.
    """
    if isinstance(names, str):
        raise ValueError(f"models {names!r} is one text: give a list, [{names!r}]")  # noqa: TRY004 - as what else is wrong with them
    known = model_names()
    wanted = dict.fromkeys(each for name in names for each in (known if name == "all" else (name,)))
    return tuple(operation for name in wanted for operation in _read_model(name, known))


def _read_model(name: str, known: tuple[str, ...]) -> tuple[Operation, ...]:
    path = _MODELS / f"{name}.toml" if name in known else Path(name)
    if path.suffix != ".toml":
        names = (*known, "all")
        raise ValueError(
            f"model {name!r} is not one of {', '.join(names)}, nor a file that ends in .toml{nearest(name, names)}"
        )
    return read_model(_read_text(path, "model"), name)


@cache
def read_videos() -> Mapping[str, bytes]:
    """The media that are served, by file name."""
    return {each.name: each.read_bytes() for each in Path(__file__).with_name("videos").iterdir()}


def _read_text(path: Path, what: str) -> str:
    """The text of a file, which messages call `what`. Raises ValueError that names the file when there is none, or too much."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise ValueError(f"{what} {path} is larger than {FILE_LIMIT} bytes")
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ValueError(f"{what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} {path} is not UTF-8: {error.reason} at byte {error.start}") from None
