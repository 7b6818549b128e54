"""Request ids from a seed and an instant."""

from __future__ import annotations

import hashlib
from random import Random


def seeded_random(*parts: str | int) -> Random:
    """A random source that depends on nothing but `parts`."""
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=16)
    return Random(int.from_bytes(digest.digest()))  # noqa: S311 - reproducible by design, guards nothing


def _uuid7(random: Random, now: int) -> str:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then 74 random bits."""
    low = random.getrandbits(62) | 0x8000_0000_0000_0000
    text = f"{now & 0xFFFF_FFFF_FFFF:012x}7{random.getrandbits(12):03x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _thirteen(random: Random, now: int) -> str:
    """As seen in public ids of sibling models: the last group has 13 digits, the variant bits are free."""
    text = f"{now & 0xFFFF_FFFF_FFFF:012x}7{random.getrandbits(12):03x}{random.getrandbits(68):017x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


REQUEST_ID_FORMS = {"uuid7": _uuid7, "thirteen": _thirteen}


def request_id(model_id: str, form: str, random: Random, now: int) -> str:
    """A new id for a generation accepted at `now` (UTC milliseconds): model id, underscore, UUID text (SUBMIT-06)."""
    return f"{model_id}_{REQUEST_ID_FORMS[form](random, now)}"
