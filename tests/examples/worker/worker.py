"""Makes videos of the prompts in a queue, several at a time, with asyncio and aiohttp.

The gateway is found through PIXAZO_BASE_URL and PIXAZO_API_KEY, as everywhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

GATEWAY = "https://gateway.pixazo.ai"
PAUSE = 5.0
"""Seconds between two polls, as the vendor asks for."""
PATIENCE = 20 * 60.0
"""Seconds after which a video is given up; slow ones take that long."""
ENDED = ("COMPLETED", "FAILED", "ERROR")


class VideoError(Exception):
    """A prompt of which no video was made; the message says why, and which request it was."""


async def make_videos(prompts: Iterable[str], folder: Path, at_once: int = 4) -> list[Path | VideoError]:
    """For each prompt its file, or the error, in the order of the prompts."""
    key = os.environ["PIXAZO_API_KEY"]
    places = asyncio.Semaphore(at_once)
    async with aiohttp.ClientSession(os.environ.get("PIXAZO_BASE_URL", GATEWAY), raise_for_status=True) as session:

        async def make(prompt: str) -> Path | VideoError:
            try:
                async with places:
                    return await make_video(session, {"Ocp-Apim-Subscription-Key": key}, prompt, folder)
            except VideoError as error:
                return error

        return await asyncio.gather(*map(make, prompts))


async def make_video(session: aiohttp.ClientSession, key: dict[str, str], prompt: str, folder: Path) -> Path:
    """Submit, wait, download. Raises VideoError."""
    async with session.post("/minimax-hailuo-ai/v1/generate", json={"prompt": prompt}, headers=key) as answer:
        request_id = (await answer.json())["request_id"]
    try:
        async with asyncio.timeout(PATIENCE):
            ended = await wait(session, key, request_id)
    except TimeoutError:
        raise VideoError(f"{request_id} has not ended after {PATIENCE:g} s") from None
    if ended["status"] != "COMPLETED":
        raise VideoError(f"{request_id} ended {ended['status']}: {ended['error']}")
    file = folder / f"{request_id}.mp4"
    await download(session, ended["output"]["media_url"][0], file)
    return file


async def wait(session: aiohttp.ClientSession, key: dict[str, str], request_id: str) -> dict[str, Any]:
    """The status response with a terminal status."""
    while True:
        async with session.get(f"/v2/requests/status/{request_id}", headers=key) as answer:
            body: dict[str, Any] = await answer.json()
        if body["status"] in ENDED:
            return body
        await asyncio.sleep(PAUSE)


async def download(session: aiohttp.ClientSession, url: str, file: Path) -> None:
    """Fetch a video; the media host gets no key."""
    part = file.with_suffix(".part")
    async with session.get(url) as answer:
        with part.open("wb") as out:
            async for chunk in answer.content.iter_chunked(64 * 1024):
                out.write(chunk)
    part.rename(file)
