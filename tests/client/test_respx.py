"""An app that uses httpx mocks the client with respx, like its other calls."""

from __future__ import annotations

from pathlib import Path

import anyio
import httpx
import pytest
import respx
from tests.client.scripted_gateway import ACCEPTED, COMPLETED, ID, KEY, MEDIA_URL, QUEUED, STATUS_URL

from pixazo_client import AsyncPixazoClient, PixazoClient, RateLimitError

SUBMIT_URL = "https://gateway.test/minimax-hailuo-ai/v1/generate"


@respx.mock
def test_a_client_is_mocked(tmp_path: Path) -> None:
    """Submit, wait, download: each route is called as often as expected."""
    submit = respx.post(SUBMIT_URL, headers={"Ocp-Apim-Subscription-Key": KEY}).respond(202, json=ACCEPTED)
    status = respx.get(STATUS_URL)
    status.side_effect = [httpx.Response(200, json=QUEUED), httpx.ReadTimeout, httpx.Response(200, json=COMPLETED)]
    media = respx.get(MEDIA_URL).respond(200, content=b"video")
    with httpx.Client() as http:
        client = PixazoClient(api_key=KEY, base_url="https://gateway.test", http_client=http, sleep=lambda _: None)
        generation = client.generate("A bear").wait()
        path = client.download(generation, tmp_path)
    assert (submit.call_count, status.call_count, media.call_count) == (1, 3, 1)
    assert path.read_bytes() == b"video"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_asynchronous_client_is_mocked(backend: str) -> None:
    """On both event loops; a 429 of the mock is the client's RateLimitError."""

    async def main() -> None:
        async with httpx.AsyncClient() as http:
            client = AsyncPixazoClient(api_key=KEY, base_url="https://gateway.test", http_client=http, max_retries=0)
            await client.retrieve(ID)

    with respx.mock:
        respx.get(STATUS_URL).respond(429, headers={"Retry-After": "9"})
        with pytest.raises(RateLimitError) as caught:
            anyio.run(main, backend=backend)
    assert caught.value.retry_after == 9.0
