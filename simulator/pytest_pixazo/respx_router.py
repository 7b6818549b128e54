"""A respx router with a world behind it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import respx

if TYPE_CHECKING:
    from .pixazo import Pixazo

__all__ = ["router"]


@contextmanager
def router(pixazo: Pixazo) -> Generator[respx.MockRouter]:
    """The user's routes first, then the world for its own origin."""
    with respx.MockRouter(assert_all_called=False) as users, respx.MockRouter(assert_all_called=False) as behind:
        behind.route(url__startswith=pixazo.url).pass_through()
        yield users
