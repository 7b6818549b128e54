"""A change of the page as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """One change of meaning, as `pixazo_contracts.pages.Change` has it: of one operation, or of all if it is empty.

    Something renamed has its new name in `to`; in a sample it is the path of a member.
    """

    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    to: str = ""
