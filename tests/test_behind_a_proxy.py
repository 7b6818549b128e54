"""A simulator behind a reverse proxy that offers it below a path; without the policy no header stands for a proxy."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixazo_client import PixazoClient
from pixazo_simulator import PROFILES, Settings, Simulator
from pixazo_simulator.server import HttpRequest, HttpResponse, LoopbackServer
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.receiver import Receiver

PREFIX = "/pixazo/hailuo"
EVERY = {
    "Forwarded": "for=10.0.0.7;host=evil.test;proto=https", "X-Forwarded-For": "10.0.0.7", "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Proto": "https", "X-Real-IP": "10.0.0.7",
}  # fmt: skip
"""Each header by which a caller could claim another address or origin."""


@contextmanager
def proxy_to(url: str) -> Generator[str]:
    """A proxy that takes PREFIX away, and sets the headers that nginx is usually told to set; yields its URL with PREFIX."""
    send = over_http(url)

    def pass_on(request: HttpRequest) -> HttpResponse:
        kept = {name: value for name, value in request.headers.items() if name not in ("host", "connection")}
        said = {
            "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Host": request.headers["host"], "X-Forwarded-Prefix": PREFIX,
            "X-Forwarded-Proto": "http",
        }  # fmt: skip
        assert request.target.startswith(PREFIX)
        reply = send(request.method, request.target.removeprefix(PREFIX), kept | said, request.body)
        return HttpResponse(reply.status, reply.body, reply.headers)

    with LoopbackServer(pass_on) as server:
        yield f"{server.origin}{PREFIX}"


@pytest.mark.parametrize("policy", ["forwarded", "fixed"])
def test_every_url_leads_through_the_proxy(policy: str, tmp_path: Path) -> None:
    """Of the 202, of a status response and of a callback: each can be used as it is."""
    with Simulator() as simulator, proxy_to(simulator.url) as public, Receiver() as receiver:
        simulator.control().change_world(policy={"public_origin": public if policy == "fixed" else policy})
        with PixazoClient(api_key=simulator.api_key, base_url=public, sleep=simulator.advance) as client:
            handle = client.generate("A bear", webhook_url=receiver.url)
            generation = handle.wait()
            assert client.download(generation, tmp_path / "bear.mp4").stat().st_size > 0
        assert generation.media_urls[0].startswith(f"{public}/v1/")
        assert json.loads(receiver.wait(1)[0].body) == generation.raw
        host = public.removesuffix(PREFIX)
        polled = Caller(over_http(host), simulator.api_key).call("GET", str(handle.polling_url).removeprefix(host))
        assert polled.json() == generation.raw


@pytest.mark.parametrize("headers", [{name: value} for name, value in EVERY.items()] + [EVERY])
def test_without_the_policy_no_header_changes_anything(headers: Mapping[str, str]) -> None:
    """Neither an origin nor who may use `/_sim`: over a real connection, whose server might heed them, too."""
    with Simulator(Settings(policy=PROFILES["observed"].changed({"submit_code": "202"}))) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        accepted = caller.call("POST", GENERATE, {"prompt": "A bear"}, headers).json()
        assert accepted["polling_url"].startswith(f"{simulator.url}/v2/")
        listed = caller.call("GET", "/_sim/generations", headers={**headers, KEY_HEADER: simulator.api_key})
        assert (listed.status, listed.json()["total"]) == (200, 1)
