"""Profiles, scripts and models from files, in TOML, JSON or YAML, and the media, so the packages below do no I/O."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pixazo_simulator import spec
from pixazo_simulator.spec import InvalidDataError, Operation, Policy, nearest

if TYPE_CHECKING:
    from pixazo_simulator.script import Rule

FILE_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that is read."""


def read_profile(name: str) -> Policy:
    """The profile with this name, or the one in the file with this path. Raises ValueError with file, field and remedy.

    A file has policy fields at its top level; `extends` names the profile that it starts from (`documented` if absent).
    """
    if name in spec.PROFILES:
        return spec.PROFILES[name]
    path = Path(name)
    if not path.suffix and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises for a name that is too long
        raise ValueError(
            f"profile {name!r} is not one of {', '.join(spec.PROFILES)}, nor a file{nearest(name, tuple(spec.PROFILES))}"
        )
    return spec.read_text_as(f"profile {path}", *read_text(path, "profile"), _policy_of, lambda error: error.problem)


def _policy_of(data: object) -> Policy:
    """The policy of a profile. Raises InvalidDataError for the first thing that is wrong."""
    if not isinstance(data, dict):
        raise InvalidDataError("a profile is a table of policy fields")
    fields = cast("dict[str, Any]", data)
    base = str(fields.get("extends", "documented"))
    if base not in spec.PROFILES:
        problem = f"extends {base!r} is not one of {', '.join(spec.PROFILES)}{nearest(base, tuple(spec.PROFILES))}"
        raise InvalidDataError(problem, ("extends",))
    policy = spec.PROFILES[base]
    for name, value in fields.items():
        try:
            policy = policy.changed({name: value} if name != "extends" else {})
        except ValueError as error:
            raise InvalidDataError(str(error), (name,)) from None
    return policy


def read_script(path: Path) -> tuple[Rule, ...]:
    """The rules in a file: JSON or YAML by its name, else TOML. Raises ValueError with the file, line, key and remedy."""
    from pixazo_simulator.script import script_from

    text, form = read_text(path, "script")
    return script_from(text, str(path), form)


_MODELS = Path(__file__).parents[1] / "spec" / "models"


def model_names() -> tuple[str, ...]:
    """The models that come with the simulator, besides the page's own, which is always served."""
    return tuple(sorted(each.stem for each in _MODELS.glob("*.toml") if each.stem != spec.HAILUO[0].model))


def read_models(names: Iterable[str]) -> tuple[Operation, ...]:
    """The operations of models: `all`, names of `model_names`, or paths of files that end in `.toml`, `.json` or `.yaml`.

    Raises ValueError that names the file, the key, the value and the remedy.
    """
    if isinstance(names, str):
        raise ValueError(f"models {names!r} is a string: give a list, [{names!r}]")  # noqa: TRY004 - as what else is wrong with them
    known = model_names()
    wanted = dict.fromkeys(each for name in names for each in (known if name == "all" else (name,)))
    operations: list[Operation] = []
    for name in wanted:
        path = _MODELS / f"{name}.toml" if name in known else Path(name)
        if path.suffix.lower() not in spec.FORMS:
            names = (*known, "all")
            raise ValueError(
                f"model {name!r} is not one of {', '.join(names)}, nor a file that ends in {', '.join(spec.FORMS)}{nearest(name, names)}"
            )
        text, form = read_text(path, "model")
        operations += spec.read_model(text, name, form)
    return tuple(operations)


KINDS = ("script", "profile", "model")
"""What a file can be."""
_MEMBERS = {"rules": "script", **dict.fromkeys(("model", "operations", "source", "label"), "model")}
"""By the name of a member: what a file is that has it; one with `extends` or a policy field is a profile."""


def problems(path: Path, kind: str | None) -> tuple[str | None, Sequence[tuple[int | None, str]]]:
    """What a file is, detected if no kind is given, and all that is wrong with it, each with its line where that is known."""
    from pixazo_simulator.script import script_problems

    try:
        document = spec.Document(*read_text(path, "file"))
        kind = kind or _kind_of(document.data)
        if kind == "profile":
            wrong = spec.problems_of(document.data, _policy_of)  # each of its fields names itself
            return kind, sorted((document.line(each.path), each.problem) for each in wrong)
        found = script_problems(document.data) if kind == "script" else spec.model_problems(document.data)
        return kind, sorted((document.line(each.path), str(each)) for each in found)
    except spec.InvalidTextError as error:
        return kind, [(error.line, str(error))]
    except ValueError as error:
        return kind, [(None, str(error).removeprefix(f"file {path} "))]
    except RecursionError:
        return kind, [(None, "is nested too deeply")]


def _kind_of(data: object) -> str:
    names = [*cast("dict[str, Any]", data)] if isinstance(data, dict) else []
    kinds = {**_MEMBERS, **dict.fromkeys(("extends", *spec.points()), "profile")}
    for name in names:
        if known := spec.closest(name, tuple(kinds)):
            return kinds[known]
    raise ValueError(f"its keys match no script, profile or model: pass --kind {'|'.join(KINDS)}")


@cache
def read_videos() -> Mapping[str, bytes]:
    return {each.name: each.read_bytes() for each in Path(__file__).with_name("videos").iterdir()}


def read_text(path: Path, what: str) -> tuple[str, str]:
    """The text of a file, which messages call `what`, and its form. Raises ValueError that names the file when there is none, or too much."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise ValueError(f"{what} {path} is larger than {FILE_LIMIT} bytes")
        return data.decode("utf-8-sig").replace("\r\n", "\n"), spec.FORMS.get(path.suffix.lower(), "TOML")
    except OSError as error:
        raise ValueError(f"{what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} {path} is not UTF-8: {error.reason} at byte {error.start}") from None
