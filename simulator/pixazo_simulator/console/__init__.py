"""The console under `/_sim/console`: what a developer keeps open in a browser beside the app, over the functions of `/_sim`."""

from __future__ import annotations

from .app import Console
from .asked import BASE

__all__ = ["BASE", "Console"]
