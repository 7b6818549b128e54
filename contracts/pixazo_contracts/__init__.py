"""Contract tests for Pixazo's MiniMax Hailuo gateway. Unofficial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
else:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> str:
        """The version, which takes longer to look up than the rest to import."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version("pixazo-testkit")
