"""What the `pixazo` fixture gives: the world of a test, with its clock, wallet, journal, webhook deliveries and clients."""

from .conditions import models_of
from .history import Deliveries, Journal
from .pixazo import Clock, Pixazo, Wallet, WorldFactory, WorldOptions
from .record import LATE, SECRETS, LeftRunningWarning, Place, Record, complaints, fail, ranges, report, sections

__all__ = [
    "LATE", "SECRETS", "Clock", "Deliveries", "Journal", "LeftRunningWarning", "Pixazo", "Place", "Record", "Wallet", "WorldFactory",
    "WorldOptions", "complaints", "fail", "models_of", "ranges", "report", "sections",
]  # fmt: skip
