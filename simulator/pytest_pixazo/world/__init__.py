"""What the `pixazo` fixture gives: the world of a test, and the values that are read from it."""

from __future__ import annotations

from .clock import Clock
from .forecast import outlook
from .pixazo import Pixazo
from .record import SECRETS, Record
from .strictness import complaints, report
from .table import MOST_LINES, delivery_table, exchange_table
from .values.delivery import Delivery
from .values.exchange import Exchange
from .values.generation import TERMINAL, Generation

__all__ = [
    "MOST_LINES", "SECRETS", "TERMINAL", "Clock", "Delivery", "Exchange", "Generation", "Pixazo", "Record", "complaints", "delivery_table", "exchange_table", "outlook", "report",
]  # fmt: skip
