"""The explorer's proxy passes requests and responses on unchanged."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from tests.patience import PATIENCE

from pixazo_simulator import ControlClient
from pixazo_simulator.server import HttpRequest, HttpResponse
from pytest_pixazo.explorer.run import proxy_for


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body that come back."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    connection.request(method, path, body, headers, encode_chunked=not isinstance(body, bytes | None))
    response = connection.getresponse()
    reported = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return reported


def ignore(_: HttpRequest, __: HttpResponse) -> None:
    """Do nothing."""


def test_submit_poll_and_download_go_through_it(world: ControlClient) -> None:
    """The polling and media URLs lead through the proxy, too, and it is called before every response."""
    seen: list[tuple[str, int]] = []

    def note(request: HttpRequest, response: HttpResponse) -> None:
        seen.append((f"{request.method} {request.target[:8]}", response.status))

    key = {"Ocp-Apim-Subscription-Key": str(world.api_key), "Content-Type": "application/json"}
    with proxy_for(world.url, note) as proxy:
        body = json.dumps({"prompt": "A bear"}).encode()
        status, headers, reported = call(proxy.origin, "POST", "/minimax-hailuo-ai/v1/generate", body, **key)
        polling_url: str = json.loads(reported)["polling_url"]
        assert (status, headers["content-type"]) == (202, "application/json")
        assert polling_url.startswith(proxy.origin + "/v2/requests/status/")
        world.advance(15)
        _, _, reported = call(proxy.origin, "GET", urlsplit(polling_url).path, **key)
        media_url: str = json.loads(reported)["output"]["media_url"][0]
        assert media_url.startswith(proxy.origin)
        status, headers, video = call(proxy.origin, "GET", urlsplit(media_url).path)
        assert (status, headers["content-length"], video[4:8]) == (200, str(len(video)), b"ftyp")
        status, headers, nothing = call(proxy.origin, "HEAD", urlsplit(media_url).path)
        assert (status, nothing) == (200, b"")
    assert seen == [("POST /minimax", 202), ("GET /v2/requ", 200), ("GET /v1/mini", 200), ("HEAD /v1/mini", 200)]


def test_a_body_in_chunks_and_refusals_go_through_it(world: ControlClient) -> None:
    """The gateway's own response to a bad request is passed on."""
    key = {"Ocp-Apim-Subscription-Key": str(world.api_key), "Content-Type": "application/json"}
    with proxy_for(world.url, ignore) as proxy:
        chunks = iter([b'{"prompt":', b' "A bear"}'])
        status, _, reported = call(proxy.origin, "POST", "/minimax-hailuo-ai/v1/generate", chunks)
        assert (status, json.loads(reported)["statusCode"]) == (401, 401)
        chunks = iter([b'{"prompt":', b' "A bear"}'])
        assert call(proxy.origin, "POST", "/minimax-hailuo-ai/v1/generate", chunks, **key)[0] == 202


def test_a_gateway_that_is_down_is_a_502() -> None:
    """`before_response` is not called."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    seen: list[HttpResponse] = []

    def note(_: HttpRequest, response: HttpResponse) -> None:
        seen.append(response)

    with proxy_for(f"http://127.0.0.1:{port}", note) as proxy:
        assert call(proxy.origin, "GET", "/v2/requests/status/x")[0] == 502
    assert seen == []
