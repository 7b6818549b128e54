"""Where the gateway answers: paths, and the names of what a request carries."""

from __future__ import annotations

import re

from .parameters.types import MODEL_ID, OPERATIONS

KEY_HEADER = "Ocp-Apim-Subscription-Key"
WEBHOOK_URL_HEADER = "X-Webhook-URL"
CALLBACK_MEMBER = "callback_url"
WEBHOOK_MODE_HEADER = "X-Webhook-Mode"
STATUS_PATH = "/v2/requests/status/"
SUBMIT_PATHS = {f"/{MODEL_ID}/v1/{name}": operation for name, operation in OPERATIONS.items()}
QUERY_KEY = "subscription-key"
"""The parameter of a query that may hold the key instead of the header."""
MEDIA_PATH = re.compile(r"/v1/(?P<request_id>[^/]+)/output\.(?P<extension>[^/]+)")
CONTROL_PREFIX = "/_sim"
"""Where the path of every control route begins."""
INVITATION_PATH = "/.well-known/pixazo-target"
