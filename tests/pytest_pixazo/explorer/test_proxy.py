"""The relay: what goes through it is what the gateway would have got and given."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.patience import PATIENCE

from pixazo_simulator import ControlClient
from pytest_pixazo.explorer.proxy import Relay
from pytest_pixazo.webhooks.server import Request, Response


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that come back."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    connection.request(method, path, body, headers, encode_chunked=not isinstance(body, bytes | None))
    answer = connection.getresponse()
    told = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return told


def ignore(_: Request, __: Response) -> None:
    """Let everything pass."""


def test_submit_poll_and_download_go_through_it(world: ControlClient) -> None:
    """The polling and media URLs lead through the relay, too, and every answer is announced before it arrives."""
    seen: list[tuple[str, int]] = []

    def note(request: Request, response: Response) -> None:
        seen.append((f"{request.method} {request.target[:8]}", response.status))

    key = {"Ocp-Apim-Subscription-Key": str(world.api_key), "Content-Type": "application/json"}
    with Relay(world.url, note) as relay:
        body = json.dumps({"prompt": "A bear"}).encode()
        status, headers, told = call(relay.url, "POST", "/minimax-hailuo-ai/v1/generate", body, **key)
        polling_url: str = json.loads(told)["polling_url"]
        assert (status, headers["content-type"]) == (202, "application/json")
        assert polling_url.startswith(relay.url + "/v2/requests/status/")
        world.advance(15)
        _, _, told = call(relay.url, "GET", urlsplit(polling_url).path, **key)
        media_url: str = json.loads(told)["output"]["media_url"][0]
        assert media_url.startswith(relay.url)
        status, headers, video = call(relay.url, "GET", urlsplit(media_url).path)
        assert (status, headers["content-length"], video[4:8]) == (200, str(len(video)), b"ftyp")
        status, headers, nothing = call(relay.url, "HEAD", urlsplit(media_url).path)
        assert (status, nothing) == (200, b"")
    assert seen == [("POST /minimax", 202), ("GET /v2/requ", 200), ("GET /v1/mini", 200), ("HEAD /v1/mini", 200)]


def test_a_body_in_chunks_and_refusals_go_through_it(world: ControlClient) -> None:
    """The gateway's own words about a bad request come back."""
    key = {"Ocp-Apim-Subscription-Key": str(world.api_key), "Content-Type": "application/json"}
    with Relay(world.url, ignore) as relay:
        chunks = iter([b'{"prompt":', b' "A bear"}'])
        status, _, told = call(relay.url, "POST", "/minimax-hailuo-ai/v1/generate", chunks)
        assert (status, json.loads(told)["statusCode"]) == (401, 401)
        chunks = iter([b'{"prompt":', b' "A bear"}'])
        assert call(relay.url, "POST", "/minimax-hailuo-ai/v1/generate", chunks, **key)[0] == 202


def test_a_gateway_that_is_down_is_a_502() -> None:
    """And nothing is announced."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen: list[Response] = []

    def note(_: Request, response: Response) -> None:
        seen.append(response)

    with Relay(f"http://127.0.0.1:{port}", note) as relay:
        assert call(relay.url, "GET", "/v2/requests/status/x")[0] == 502
    assert seen == []
