"""Wrong values that are accepted, and right ones that are refused: what both operations have in common."""

from __future__ import annotations

import re
from typing import Any

from pixazo_simulator.mutants.edits import bodies, takes_member
from pixazo_simulator.mutants.members import drop, on
from pixazo_simulator.mutants.mutant import Edits
from pixazo_simulator.spec import ImageFacts, image_facts, read_data_url

GOOD_IMAGE = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
"""The page's own input image, which stands in for one that ought to be refused."""
_DIGITS = re.compile(r"[0-9]{1,9}")


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_data_url(value: Any) -> bool:
    """Whether a JSON value is a text that begins like a data URL."""
    return isinstance(value, str) and value[:5].lower() == "data:"


def facts(value: Any) -> ImageFacts | None:
    """What is known of the image in a data URL, None when it is none."""
    data = read_data_url(value) if isinstance(value, str) else None
    return image_facts(data) if data is not None else None


def missing_becomes(operation: str, name: str, value: object) -> Edits:
    """A member that is missing or null gets this value."""
    return bodies(operation, on(lambda given: given.get(name) is None, lambda given, _: {**given, name: value}))


def coerces_number_to_text(operation: str, name: str) -> Edits:
    """A number is taken as the text of it."""
    return takes_member(operation, name, is_number, str)


def integer_as_text(operation: str, name: str) -> Edits:
    """A text of digits is taken as the number."""
    return takes_member(operation, name, lambda value: isinstance(value, str) and bool(_DIGITS.fullmatch(value)), int)


def resolution_as_number(operation: str) -> Edits:
    """768 is taken as 768P."""
    return takes_member(operation, "resolution", lambda value: value in (768, 1080), lambda value: f"{value}P")


def truthy_text(operation: str, name: str) -> Edits:
    """The texts true and false are taken as booleans."""
    words = {"true": True, "false": False}
    return takes_member(operation, name, lambda value: value in ("true", "false"), words.__getitem__)


def takes_callback_number(operation: str) -> Edits:
    """A number for `callback_url` is taken, and called by nobody."""
    return bodies(operation, on(lambda given: is_number(given.get("callback_url")), drop("callback_url")))
