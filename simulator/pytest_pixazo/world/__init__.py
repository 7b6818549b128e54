"""What the `pixazo` fixture gives: the world of a test, with its clock, wallet, journal and webhook deliveries."""

from __future__ import annotations

from .history import Deliveries, Journal, delivery_table, exchange_table
from .pixazo import Clock, Pixazo, Wallet
from .record import SECRETS, Record, complaints, report
from .text import MOST_LINES, outlook

__all__ = [
    "MOST_LINES", "SECRETS", "Clock", "Deliveries", "Journal", "Pixazo", "Record", "Wallet", "complaints", "delivery_table",
    "exchange_table", "outlook", "report",
]  # fmt: skip
