"""What a test scripts: rules, matchers and faults, and what they do to a response."""

from importlib import import_module
from typing import TYPE_CHECKING

from .effects import *
from .engine import *
from .facts import *
from .faults import *  # every kind of fault, so that a new one is listed nowhere else
from .injection import *
from .matchers import *
from .rule import *

if TYPE_CHECKING:
    from .builder import *


def __getattr__(name: str) -> object:
    """Import the builder on first use: a server without a script needs nothing of it."""
    if not name.startswith("_") and name in (builder := import_module(".builder", __name__)).__all__:
        return getattr(builder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
