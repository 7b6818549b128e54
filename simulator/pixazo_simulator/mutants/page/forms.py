"""Bodies that are forms."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from pixazo_simulator.mutants.messages import Request

from .samples import literal

FORM = "multipart/form-data"


def as_json(request: Request) -> Request:
    """A submit whose body is a form, as the same one in JSON; any other as it is."""
    kind, operation = request.header("content-type") or "", request.operation
    if not kind.casefold().startswith(FORM) or operation is None:
        return request
    types = {each.name: each.type for each in operation.parameters}
    form = message_from_bytes(b"Content-Type: %s\r\n\r\n%s" % (kind.encode("latin-1", "replace"), request.body))
    members: dict[str, Any] = {}
    for part in form.walk():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            text = value.decode(errors="replace")
            members[name] = text if types.get(name, "string") == "string" else literal(text)
    return request.with_members(members).with_header("content-type", "application/json")
