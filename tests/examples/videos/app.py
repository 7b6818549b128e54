"""A web service that makes videos: FastAPI, SQLite, and a webhook.

    POST /videos {"prompt": "..."}   202 {"id": 1, "status": "QUEUED", "media_url": null}
    GET /videos/1                    how it stands
    POST /hooks/pixazo               for the gateway: it says that something has ended, and we ask how

The gateway is found through PIXAZO_BASE_URL and PIXAZO_API_KEY.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Request
from tests.examples.videos.library import Library, Video

from pixazo_client import AsyncPixazoClient, BadRequestError, NotFoundError, PixazoError, WebhookPayloadError


def create_app(database: Path, webhook_url: str) -> FastAPI:
    """The service, with its data in one file; `webhook_url` is where the gateway reaches /hooks/pixazo."""
    library = Library(database)
    pixazo = AsyncPixazoClient()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with pixazo:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/videos", status_code=202)
    async def order(prompt: Annotated[str, Body(embed=True)]) -> Video:
        number = library.add(prompt)
        try:
            handle = await pixazo.generate(prompt, webhook_url=webhook_url)
        except BadRequestError as error:
            raise HTTPException(422, str(error)) from None
        except PixazoError as error:
            raise HTTPException(503, str(error)) from None
        library.submitted(number, handle.request_id)
        return await read(number)

    @app.get("/videos/{number}")
    async def read(number: int) -> Video:
        video = library.find(number)
        if video is None:
            raise HTTPException(404, f"there is no video {number}")
        return video

    @app.post("/hooks/pixazo", status_code=204)
    async def hook(request: Request) -> None:
        try:
            generation = await pixazo.webhooks.confirm(await request.body())
        except (WebhookPayloadError, NotFoundError) as error:
            raise HTTPException(404, str(error)) from None
        if generation.is_terminal:
            library.ended(generation.request_id, generation.status, next(iter(generation.media_urls), None))

    return app
