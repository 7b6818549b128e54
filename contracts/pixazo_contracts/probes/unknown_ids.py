"""Request ids of the right shape that no gateway has issued."""

from __future__ import annotations

import hashlib

from pixazo_contracts.trace import MODEL


def unknown_id(run: str, use: str) -> str:
    """An id with the text of a version 7 UUID: another for each run and use, the same each time it is asked for."""
    digits = hashlib.sha256(f"{run} {use}".encode()).hexdigest()
    return f"{MODEL}_019d{digits[:4]}-{digits[4:8]}-7{digits[8:11]}-8{digits[11:14]}-{digits[14:26]}"
