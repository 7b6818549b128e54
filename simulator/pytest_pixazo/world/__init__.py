"""What the `pixazo` fixture gives: the world of a test, with its clock, wallet, journal and webhook deliveries."""

from __future__ import annotations

from .history import MOST_ALIKE, MOST_LINES, REQUEST_ID, Deliveries, Journal, delivery_table, exchange_table, outlook
from .pixazo import Clock, Pixazo, Wallet
from .record import SECRETS, Record, complaints, report

__all__ = [
    "MOST_ALIKE", "MOST_LINES", "REQUEST_ID", "SECRETS", "Clock", "Deliveries", "Journal", "Pixazo", "Record", "Wallet", "complaints",
    "delivery_table", "exchange_table", "outlook", "report",
]  # fmt: skip
