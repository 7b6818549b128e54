"""No mutant fails on unusual requests: an exception of an editor would be raised here."""

from __future__ import annotations

from typing import Any

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, STATUS, Caller
from tests.inprocess import InProcess

from pixazo_simulator.mutants import MUTANTS, VARIANTS, Mutant, Variant

IMAGE_URL = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
ODD_VALUES: tuple[Any, ...] = (
    {}, [], [[1]], ["x"], [None], {"prompt": {"a": 1}}, 10**30, 1e300, -1, "9" * 5000, "\u0663", "\0", "\U0001f43b", "data:",
    "data:image/png;base64,####", "data:image/gif;base64,",
)  # fmt: skip
MEMBERS = ("prompt", "duration", "resolution", "prompt_optimizer", "first_frame_image", "callback_url", "model")
ODD_BODIES = (
    b"[" * 5000, b'{"prompt": ' + b"7" * 5000 + b"}", b'{"prompt": 1e400}', b"\xff", b'{"a": 1, "a": 2}', b" ", b'{"prompt": "\\udfff"}',
)  # fmt: skip
ODD_PATHS = ("%00", "a%2Fb", "%F0%9F%90%BB", "", "x/", "minimax-hailuo-ai_", "AAAA", "a" * 5000)
ODD_HEADERS: tuple[dict[str, str], ...] = (
    {"X-Webhook-URL": "", "Content-Type": ""},
    {"X-Webhook-URL": "http://[", "X-Webhook-Mode": "\xe9"},
    {"Authorization": "Bearer", "Ocp-Apim-Subscription-Key": "\xe9"},
    {"Content-Type": ";;;", "Host": "\xe9", "Content-Length": "x"},
)

pytestmark = pytest.mark.exhaustive


@pytest.mark.parametrize("change", [*MUTANTS, *VARIANTS], ids=lambda change: change.name)
def test_nothing_is_raised(change: Mutant | Variant) -> None:
    """Every odd value of every member gets a response, and each odd body, path, query and header gets two."""
    with InProcess(change=change) as send:
        caller = Caller(send, "sim-key")
        for value in ODD_VALUES:
            caller.call("POST", GENERATE, dict.fromkeys(MEMBERS, value))
            for name in MEMBERS:
                caller.call("POST", IMAGE_TO_VIDEO, {"prompt": "A bear", "first_frame_image": IMAGE_URL, name: value})
        for body in ODD_BODIES * 2:
            caller.call("POST", GENERATE, body)
        for path in ODD_PATHS * 2:
            caller.read(path)
            caller.call("GET", f"/v1/{path}/output.mp4")
        for headers in ODD_HEADERS * 2:
            caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
            caller.call("GET", f"{STATUS}x?subscription-key=%FF", headers=headers)
        caller.call("OPTIONS", GENERATE)
        caller.call("GET", f"{GENERATE}?=&&prompt")
