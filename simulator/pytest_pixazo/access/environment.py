"""The environment variables by which an app under test reaches its world."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from pytest_pixazo.world import Pixazo


def variables(pixazo: Pixazo) -> dict[str, str]:
    """Origin and key under their usual names, and the host of the origin as an exception from proxies."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")  # curl and Python prefer the lower-case name
    no_proxy = ",".join(filter(None, (known, urlsplit(pixazo.url).hostname)))
    return {"PIXAZO_BASE_URL": pixazo.url, "PIXAZO_API_KEY": pixazo.api_key, "no_proxy": no_proxy, "NO_PROXY": no_proxy}
