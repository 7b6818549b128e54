"""The environment variables that lead an app to a world."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pytest_pixazo.world import Pixazo


def variables(pixazo: Pixazo) -> dict[str, str]:
    """Origin and key under their usual names, and an exception for that origin, should a proxy be set."""
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")  # of the two, the small one counts
    past = ",".join(filter(None, (known, urlsplit(pixazo.url).hostname)))
    return {"PIXAZO_BASE_URL": pixazo.url, "PIXAZO_API_KEY": pixazo.api_key, "no_proxy": past, "NO_PROXY": past}
