"""The environment variables by which an app under test reaches its world."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def environment(url: str, api_key: str) -> Generator[None]:
    """Set origin and key under their usual names, and except the host of the origin from proxies, until the block ends."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")  # curl and Python prefer the lower-case name
    no_proxy = ",".join(filter(None, (known, urlsplit(url).hostname)))
    added = {"PIXAZO_BASE_URL": url, "PIXAZO_API_KEY": api_key, "no_proxy": no_proxy, "NO_PROXY": no_proxy}
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
