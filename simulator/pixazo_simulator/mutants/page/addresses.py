"""What is served at another address, or with another status code."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from pixazo_simulator.mutants.edits import edit_replies, with_status
from pixazo_simulator.mutants.messages import Context, Request, has_status, is_accepted
from pixazo_simulator.mutants.mutant import Edits

from .paths import moved

NOWHERE = "/v0"
"""A path that begins with it has no route: no model has this name."""
WITHOUT_BODY = ("204", "205", "304")


def nowhere(request: Request) -> Request:
    return request.at(f"{NOWHERE}{request.path}")


def relocated(old: tuple[str, str], new: tuple[str, str] | None, *, both: bool = False) -> Edits:
    """Serve what has one path at another, or nowhere; `both`: at the old one, too."""

    def edited(request: Request, _: Context) -> Request:
        if new and (path := moved(request.path, new, old)):
            return request.at(path)
        return nowhere(request) if not both and moved(request.path, old, old) else request

    return Edits(request=edited)


def url_at(url: Any, old: tuple[str, str], new: tuple[str, str]) -> str:
    parts = urlsplit(str(url))
    return parts._replace(path=moved(parts.path, old, new) or parts.path).geturl()


def other_code(old: str, new: str) -> Edits | str:
    if not re.fullmatch(r"[2-5]\d\d", old) or not re.fullmatch(r"[2-5]\d\d", new) or new in WITHOUT_BODY:
        return "it is not a status code that a response with a body can have"
    return edit_replies(is_accepted if old == "202" else has_status(int(old)), with_status(int(new)))
