"""The console under `/_sim/console`: pages for a developer's browser, built on the functions of `/_sim`."""

from .app import Console

__all__ = ["Console"]
