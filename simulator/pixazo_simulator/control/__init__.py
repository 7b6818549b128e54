"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

It is imported on first use: a process that only needs the client loads no server, and a server responds to its first caller without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .books import Run as Run, run_of as run_of  # isort: skip
    from .client import (  # isort: skip
        TOKEN_HEADER as TOKEN_HEADER, TOKEN_VARIABLE as TOKEN_VARIABLE, ControlClient as ControlClient, ControlError as ControlError,
        HttpChannel as HttpChannel, InitialGeneration as InitialGeneration, PolicyFields as PolicyFields,
    )  # fmt: skip
    from .handler import (  # isort: skip
        ControlHandler as ControlHandler, check_access as check_access, discovery_document as discovery_document, read_body as read_body,
    )  # fmt: skip
    from .metrics import Traffic as Traffic
    from .openapi import document as document
    from .repeat import curl as curl, curl_command as curl_command  # isort: skip
    from .route import ControlRoute as ControlRoute, Refused as Refused  # isort: skip
    from .routes import ROUTES as ROUTES
    from .schema import responses as responses
    from .schema.responses import *
    from .schema.responses import from_json as from_json, to_json as to_json  # isort: skip
else:
    from importlib import import_module

    _HOMES = {
        ".books": "Run run_of",
        ".client": "TOKEN_HEADER TOKEN_VARIABLE ControlClient ControlError HttpChannel InitialGeneration PolicyFields",
        ".repeat": "curl curl_command",
        ".handler": "ControlHandler check_access discovery_document read_body",
        ".metrics": "Traffic",
        ".openapi": "document",
        ".route": "ControlRoute Refused",
        ".routes": "ROUTES",
        ".schema": "responses",
        ".schema.responses": "from_json to_json",
    }

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names.split():
                return getattr(import_module(home, __name__), name)
        responses = import_module(".schema.responses", __name__)
        if name in responses.__all__:
            return getattr(responses, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
