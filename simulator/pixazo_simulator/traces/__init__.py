"""Makes a failing test from recorded traffic: the rules of a script, and a pytest file that uses them; pure."""

from __future__ import annotations

from .pytest_file import Files, files_of
from .records import Exchange, Trace, read_trace
from .rules import Retold, retold

__all__ = ["Exchange", "Files", "Retold", "Trace", "files_of", "read_trace", "retold"]
