"""A request of the journal can be repeated from its line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.caller import KEY_HEADER, Caller
from tests.patience import PATIENCE

from pixazo_simulator.control import Exchange, from_json
from pixazo_simulator.server.simulator import Simulator
from pytest_pixazo.testcase.failure_report import curl

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def recorded(body: Any = None, /, **members: Any) -> Exchange:
    """A submission in the journal, with these members changed; those of its request that are not given are empty."""
    headers = {"host": "127.0.0.1:1", "ocp-apim-subscription-key": "[redacted]", "content-type": "application/json"}
    length = 0 if body is None else len(body if isinstance(body, str) else json.dumps(body))
    request = {"headers_left_out": 0, **members.pop("request", {"headers": headers, "body": body, "length": length})}
    response: dict[str, Any] = {"headers": {}, "body": "", "length": 0, "cut": None}
    exchange: dict[str, Any] = {
        "number": 1, "at": "2026-03-31T10:00:00.000Z", "method": "POST", "target": "/minimax-hailuo-ai/v1/generate", "status": 202,
        "reason": "accepted", "request_id": None, "rule": None, "faults": [], "expected": True, "hint": None, "request": request,
        "response": response,
    }  # fmt: skip
    return from_json(exchange | members, Exchange)


def test_a_submit() -> None:
    """Origin and key are variables, the body is quoted for sh, and what curl adds by itself is left out."""
    assert curl(recorded({"prompt": "the bear's $HOME `id`"})) == (
        "curl -sS -H \"Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY\" -H 'content-type: application/json'"
        ' --data-raw \'{"prompt": "the bear\'"\'"\'s $HOME `id`"}\''
        ' "$PIXAZO_BASE_URL"/minimax-hailuo-ai/v1/generate'
    )


def test_a_poll_and_other_methods() -> None:
    """GET needs no word, HEAD its own, any other is named; a target with odd characters is quoted."""
    plain: dict[str, Any] = {"request": {"headers": {}, "body": "", "length": 0}}
    assert curl(recorded(method="GET", target="/v2/a", **plain)) == 'curl -sS "$PIXAZO_BASE_URL"/v2/a'
    assert curl(recorded(method="HEAD", target="/v2/a", **plain)) == 'curl -sS --head "$PIXAZO_BASE_URL"/v2/a'
    assert (
        curl(recorded(method="PUT", target="/v2/a?b;c", **plain)) == "curl -sS -X PUT \"$PIXAZO_BASE_URL\"'/v2/a?b;c'"
    )
    assert curl(recorded(target="/v2/a", **plain)) == 'curl -sS -X POST "$PIXAZO_BASE_URL"/v2/a'


def test_a_data_url_is_cut_with_a_note() -> None:
    """An image that was sent as a data URL is cut wherever it stands, and a comment says so."""
    note, line = curl(recorded({"first_frame_image": "data:image/png;base64," + "A" * 1000})).splitlines()
    assert note == "# a data URL is cut: 96 of 1022 characters"
    assert f'"data:image/png;base64,{"A" * 74}"' in line
    assert "A" * 75 not in line


def test_what_curl_cannot_repeat_is_a_comment() -> None:
    """NUL, bytes that are no text and a body that was not kept whole are reported in comments."""
    headers: dict[str, Any] = {"request": {"headers": {}, "body": "a\0b\ufffd", "length": 20000}}
    assert curl(recorded(**headers)).splitlines() == [
        "# NUL bytes of the body are left out: no argument can hold one",
        "# bytes of the body that are not UTF-8 are replaced",
        "# the body is cut: 6 of 20000 bytes were kept",
        "curl -sS -H 'Content-Type:' --data-raw 'ab\ufffd' \"$PIXAZO_BASE_URL\"/minimax-hailuo-ai/v1/generate",
    ]


def test_secrets_are_left_out_or_named() -> None:
    """A key in the query becomes the variable, a header that held a secret is left out with a comment."""
    request: dict[str, Any] = {"headers": {"authorization": "[redacted]", "accept": "*/*"}, "body": "", "length": 0}
    line = curl(recorded(method="GET", target="/v2/a?subscription-key=[redacted]&b", request=request))
    assert line == (
        "# header authorization is left out: it held a secret\n"
        "curl -sS \"$PIXAZO_BASE_URL\"'/v2/a?subscription-key='\"$PIXAZO_API_KEY\"'&b'"
    )


def test_a_secret_that_is_no_key_is_noted() -> None:
    """Where it stood in the target or in the body; a header is left out."""
    request: dict[str, Any] = {"headers": {"x-token": "[hidden]", "accept": "*/*"}, "body": "", "length": 0}
    line = curl(recorded(method="GET", target="/v2/a?token=[hidden]", request=request))
    assert line == (
        "# header x-token is left out: it held a secret\n"
        "# [hidden] stands for a secret that was sent\n"
        "curl -sS \"$PIXAZO_BASE_URL\"'/v2/a?token=[hidden]'"
    )


def test_a_key_that_opened_no_world_has_a_name_of_its_own() -> None:
    """In a header and in the query, with a note; where none was sent, none is."""
    note = "# THE_KEY_THAT_WAS_SENT is the key that was sent, which is not shown: it opened no world\n"
    assert curl(recorded("a"), reached_world=False) == (
        f'{note}curl -sS -H "Ocp-Apim-Subscription-Key: $THE_KEY_THAT_WAS_SENT"'
        " -H 'content-type: application/json' --data-raw a \"$PIXAZO_BASE_URL\"/minimax-hailuo-ai/v1/generate"
    )
    none: dict[str, Any] = {"request": {"headers": {}, "body": "", "length": 0}}
    query = recorded(method="GET", target="/v2/a?subscription-key=[redacted]", **none)
    assert curl(query, reached_world=False) == (
        f"{note}curl -sS \"$PIXAZO_BASE_URL\"'/v2/a?subscription-key='\"$THE_KEY_THAT_WAS_SENT\"''"
    )
    assert (
        curl(recorded(method="GET", target="/v2/a", **none), reached_world=False) == 'curl -sS "$PIXAZO_BASE_URL"/v2/a'
    )


def repeated(caller: Caller, simulator: Simulator, shell: str) -> tuple[Any, Any]:
    """The first exchange of a world, and the one that comes when a shell runs its line."""
    (first,) = caller.sim("journal")["exchanges"]
    variables = {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": caller.key, "PATH": os.environ["PATH"]}
    line = curl(from_json(first, Exchange))
    subprocess.run([shell, "-c", line], env=variables, capture_output=True, timeout=PATIENCE, check=True)
    return first, caller.sim("journal")["exchanges"][1]


@needs_curl
def test_a_body_without_a_media_type_is_repeated_without_one(caller: Caller, simulator: Simulator) -> None:
    """On a path that no gateway knows, too, of which the body is kept."""
    connection = HTTPConnection(urlsplit(simulator.url).netloc)
    connection.request("POST", "/v2/elsewhere", b'{"prompt": "A bear"}', {KEY_HEADER: caller.key})
    assert connection.getresponse().status == 404
    connection.close()
    for each in repeated(caller, simulator, "sh"):
        assert each["request"]["body"] == {"prompt": "A bear"}
        assert "content-type" not in each["request"]["headers"]


NASTY = "it's \"quoted\" `id` $(id) $HOME \\ ! # \n\t; | & * ? ~ é \u2028 \U0001f43b '"


@needs_curl
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_sends_the_same_request(caller: Caller, simulator: Simulator, shell: str) -> None:
    """The line, run by a shell, sends the same members and headers, and what it names as the key."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    url = "http://127.0.0.1:9/it's?a=$HOME"
    caller.call("POST", "/minimax-hailuo-ai/v1/generate", {"prompt": NASTY}, {"X-Webhook-URL": url})
    _, second = repeated(caller, simulator, shell)
    assert second["response"]["body"]["status"] == "QUEUED"
    assert second["request"]["body"] == {"prompt": NASTY}
    assert second["request"]["headers"]["x-webhook-url"] == url
