"""The control API under `/_sim`, by which a test in any language creates, scripts, advances and reads a world; and its client.

It is imported on first use: a process with only the client loads no server, and a server responds to its first caller without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .books import Run as Run
    from .books import run_of as run_of
    from .client import TOKEN_HEADER as TOKEN_HEADER
    from .client import TOKEN_VARIABLE as TOKEN_VARIABLE
    from .client import ControlClient as ControlClient
    from .client import ControlError as ControlError
    from .client import HttpChannel as HttpChannel
    from .client import InitialGeneration as InitialGeneration
    from .client import PolicyFields as PolicyFields
    from .handler import ControlHandler as ControlHandler
    from .handler import check_access as check_access
    from .handler import discovery_document as discovery_document
    from .handler import read_body as read_body
    from .metrics import Traffic as Traffic
    from .openapi import document as document
    from .repeat import curl as curl
    from .repeat import curl_command as curl_command
    from .route import ControlRoute as ControlRoute
    from .route import Refused as Refused
    from .routes import ROUTES as ROUTES
    from .routes import position_of as position_of
    from .schema import responses as responses
    from .schema.responses import *
    from .schema.responses import from_json as from_json
    from .schema.responses import to_json as to_json
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
        ".routes": "ROUTES position_of",
        ".schema": "responses",
        ".schema.responses": "from_json to_json",
    }

    def __getattr__(name: str) -> object:  # not `exported`, whose package imports the server, which is above this wing
        for home, names in _HOMES.items():
            if name in names.split():
                return getattr(import_module(home, __name__), name)
        responses = import_module(".schema.responses", __name__)
        if name in responses.__all__:
            return getattr(responses, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
