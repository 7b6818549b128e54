"""The vendor's side of the wire: documented routes, media, and the faults of a script on the way out."""

from __future__ import annotations

from .download import serve
from .fault_injection import CONNECTION, STRIKES, Strike, leave
from .request import DOOR, HEAD, Turns
from .router import Front, place
from .video import video

__all__ = [
    "CONNECTION", "DOOR", "HEAD", "STRIKES", "Front", "Strike", "Turns", "leave", "place", "serve", "video",
]  # fmt: skip
