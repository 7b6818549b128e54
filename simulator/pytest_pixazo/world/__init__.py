"""What the `pixazo` fixture gives: the world of a test, with its clock, wallet, journal, webhook deliveries and clients."""

from __future__ import annotations

from .history import MOST_LINES, REQUEST_ID, Deliveries, Journal, delivery_table, exchange_table, folded, outlook
from .models import models_of
from .pixazo import Clock, Pixazo, Wallet, WorldFactory, WorldOptions
from .record import SECRETS, LeftRunningWarning, Place, Record, complaints, place_of, ranges, report, warn_of

__all__ = [
    "MOST_LINES", "REQUEST_ID", "SECRETS", "Clock", "Deliveries", "Journal", "LeftRunningWarning", "Pixazo", "Place",
    "Record", "Wallet", "WorldFactory", "WorldOptions", "complaints", "delivery_table", "exchange_table", "folded", "models_of", "outlook", "place_of", "ranges", "report", "warn_of",
]  # fmt: skip
