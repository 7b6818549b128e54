"""The client as a user writes it: compiled by two type checkers, never run."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import assert_type

import anyio
import anyio.lowlevel
import httpx
import httpx2

from pixazo_client import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncPixazoClient,
    AsyncRequestHandle,
    DownloadError,
    Generation,
    GenerationError,
    PixazoClient,
    Polling,
    RateLimitError,
    RequestHandle,
    WaitTimeoutError,
)


def make() -> None:
    """Every setting, and clients of both libraries."""
    with PixazoClient() as client:
        assert_type(client, PixazoClient)
    PixazoClient(api_key="k", base_url="http://127.0.0.1:8900", timeout=30, max_retries=0)
    PixazoClient(timeout=(5, 30, None, 10), polling=Polling(shortest=5, longest=10, random=lambda: 0.5))
    PixazoClient(http_client=httpx2.Client(), sleep=lambda _: None, monotonic=lambda: 0.0)
    PixazoClient(http_client=httpx.Client())
    AsyncPixazoClient(http_client=httpx2.AsyncClient(), sleep=anyio.sleep)
    AsyncPixazoClient(http_client=httpx.AsyncClient())
    # What would fail only when it runs is an error here: mypy's warn_unused_ignores reports an ignore without one.
    PixazoClient(http_client=httpx2.AsyncClient())  # type: ignore[arg-type]
    PixazoClient(http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    AsyncPixazoClient(http_client=httpx2.Client())  # type: ignore[arg-type]
    AsyncPixazoClient(http_client=httpx.Client())  # type: ignore[arg-type]
    AsyncPixazoClient(sleep=time.sleep)  # type: ignore[arg-type]


def talk(client: PixazoClient) -> None:
    """Submit, follow, wait, download, confirm."""
    handle = client.generate(
        "A bear",
        duration=6,
        resolution="768P",
        prompt_optimizer=True,
        fast_pretreatment=False,
        callback_url="https://me.test/callback",
        aigc_watermark=False,
        webhook_url="https://me.test/hook",
        extra_body={"seed": 7},
    )
    assert_type(handle, RequestHandle)
    assert_type(handle.request_id, str)
    assert_type(handle.polling_url, str)
    assert_type(client.image_to_video("Walk", "https://a.test/x.jpg"), RequestHandle)
    assert_type(client.image_to_video("Walk", Path("x.jpg"), duration=10), RequestHandle)
    assert_type(client.image_to_video("Walk", b"\xff\xd8\xff"), RequestHandle)
    assert_type(client.submit("/m/v1/generate", {"prompt": "x"}, extra_headers={"X-Trace": "1"}), RequestHandle)
    assert_type(client.get_handle("id"), RequestHandle)
    assert_type(client.retrieve("id"), Generation)
    assert_type(handle.status(), Generation)
    assert_type(handle.iter_updates(timeout=60), Iterator[Generation])
    seen: list[Generation] = []
    generation = handle.wait(600, seen.append, raise_on_failure=False)
    assert_type(generation, Generation)
    assert_type(client.download(generation, "x.mp4", index=0, on_progress=print, max_bytes=10**9), Path)
    assert_type(client.download("https://m.test/x.mp4", Path("x.mp4")), Path)
    assert_type(client.webhooks.parse_unverified(b"{}"), Generation)
    assert_type(client.webhooks.confirm({"request_id": "id"}), Generation)


def read(generation: Generation) -> None:
    """Every member of an answer."""
    assert_type(generation.request_id, str)
    assert_type(generation.status, str)
    assert_type(generation.model_id, str | None)
    assert_type(generation.error, str | None)
    assert_type(generation.media_urls, tuple[str, ...])
    assert_type(generation.media_type, str | None)
    assert_type(generation.created_at, datetime | None)
    assert_type(generation.updated_at, datetime | None)
    assert_type(generation.completed_at, datetime | None)
    assert_type(generation.raw, Mapping[str, object])
    assert_type(generation.is_terminal, bool)
    assert_type(generation.succeeded, bool)


def fail(handle: RequestHandle) -> None:
    """What exceptions carry."""
    try:
        handle.wait()
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except APIStatusError as error:
        assert_type(error.status_code, int)
        assert_type(error.body, object)
    except APIConnectionError as error:
        assert_type(error.sent, bool)
    except APIError as error:
        assert_type(error.request_id, str | None)
    except GenerationError as error:
        assert_type(error.generation, Generation)
        assert_type(error.request_id, str)
    except WaitTimeoutError as error:
        assert_type(error.request_id, str)
        assert_type(error.last, Generation | None)
        assert_type(error.elapsed, float)
    except DownloadError as error:
        assert_type(error.url, str | None)
        assert_type(error.status_code, int | None)


async def talk_asynchronously() -> None:
    """The same names, awaitable."""

    async def on_update(generation: Generation) -> None:
        await anyio.lowlevel.checkpoint()

    seen: list[Generation] = []
    async with AsyncPixazoClient() as client:
        assert_type(client, AsyncPixazoClient)
        handle = await client.generate("A bear")
        assert_type(handle, AsyncRequestHandle)
        assert_type(await client.image_to_video("Walk", Path("x.jpg")), AsyncRequestHandle)
        assert_type(await client.submit("/m/v1/generate", {}), AsyncRequestHandle)
        assert_type(client.get_handle("id"), AsyncRequestHandle)
        assert_type(handle.iter_updates(), AsyncIterator[Generation])
        assert_type(await handle.status(), Generation)
        assert_type(await handle.wait(on_update=on_update), Generation)
        assert_type(await handle.wait(on_update=seen.append), Generation)
        assert_type(await client.retrieve("id"), Generation)
        assert_type(await client.download("https://m.test/x.mp4", "x.mp4"), Path)
        assert_type(client.webhooks.parse_unverified("{}"), Generation)
        assert_type(await client.webhooks.confirm("{}"), Generation)
