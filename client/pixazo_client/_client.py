"""The clients: what one can ask of the gateway."""

from __future__ import annotations

import time
from os import PathLike
from typing import TYPE_CHECKING

from ._calls import Submission, download, members, read, submit
from ._gateway import Gateway
from ._handle import AsyncRequestHandle, RequestHandle
from ._image import image_url
from ._polling import Polling
from ._session import Session
from ._transport import AsyncDrive, Drive
from ._webhook import AsyncWebhooks, Webhooks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from typing import Self

    from ._http import AsyncHTTPClient, HTTPClient, Timeout
    from ._models import Generation


TEXT_TO_VIDEO = "/minimax-hailuo-ai/v1/generate"
IMAGE_TO_VIDEO = "/minimax-hailuo-ai/v1/imageToVideo"


class _Caller:
    """What both clients know."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._session.gateway.base_url!r})"

    def _held(self, request_id: str) -> Submission:
        return Submission(request_id, self._session.gateway.status_url(request_id))


class PixazoClient(_Caller):
    """A client of the gateway. Threads may share it, and processes may inherit it: each has connections of its own.

    Args:
        api_key: the subscription key (Authentication); else the environment's PIXAZO_API_KEY.
        base_url: the gateway; else the environment's PIXAZO_BASE_URL, else `https://gateway.pixazo.ai`.
        timeout: seconds (above 0, at most 2,000,000) for each phase of a call, or (connect, read, write, free connection), None meaning no limit.
            By default 5, 30, 30, 10; with an http_client, whatever that has. A call other than a download ends within
            the sum of the four, and a second more for each 16 KiB that it sends.
        max_retries: how often a call is repeated at most, where repeating it is safe.
        polling: the pace of waiting.
        http_client: an `httpx2.Client` or `httpx.Client` to send with; closing it stays the caller's business. It is
            used only in the process (asynchronous: on the event loop) where a call of this client first left a
            connection open in it.
        sleep: called with seconds instead of `time.sleep`.
        monotonic: tells seconds instead of `time.monotonic`; deadlines are measured with it.

    Raises:
        PixazoError: no key, an empty address, or a key, address or http_client that cannot work.
        ValueError: a timeout or max_retries that cannot be used.

    Every method that sends raises a PixazoError before it does where the client or its http_client is closed, the
    http_client belongs to another process or event loop, or the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int = 2,
        polling: Polling = Polling(),  # noqa: B008  # frozen
        http_client: HTTPClient | None = None,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        gateway = Gateway.resolve(api_key, base_url)
        super().__init__(Session.create(gateway, polling, max_retries, monotonic or time.monotonic))
        self._drive = Drive(http_client, timeout, sleep)
        self.webhooks = Webhooks(self.retrieve)

    def generate(
        self,
        prompt: str,
        *,
        duration: float | None = None,
        resolution: str | None = None,
        prompt_optimizer: bool | None = None,
        fast_pretreatment: bool | None = None,
        callback_url: str | None = None,
        aigc_watermark: bool | None = None,
        webhook_url: str | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> RequestHandle:
        """Submit text-to-video (Generate Video Request). What is None is not sent, and the gateway decides.

        Args:
            prompt: what to show.
            duration: seconds of video.
            resolution: such as "768P".
            prompt_optimizer: let the prompt be improved.
            fast_pretreatment: shorten that.
            callback_url: the body member of that name.
            aigc_watermark: mark the video as generated.
            webhook_url: the X-Webhook-URL header: where to POST the outcome.
            extra_body: further members; they win over those above.

        Raises:
            APIError: not accepted, or not known to be: the message says when the work may exist and be charged.
            PixazoError: webhook_url cannot be a header, extra_body is no mapping, or the body is not JSON; nothing was sent.
        """
        optional = {
            "duration": duration,
            "resolution": resolution,
            "prompt_optimizer": prompt_optimizer,
            "fast_pretreatment": fast_pretreatment,
            "callback_url": callback_url,
            "aigc_watermark": aigc_watermark,
        }
        return self.submit(TEXT_TO_VIDEO, members(prompt, optional, extra_body), webhook_url=webhook_url)

    def image_to_video(
        self,
        prompt: str,
        first_frame_image: str | PathLike[str] | bytes,
        *,
        duration: float | None = None,
        resolution: str | None = None,
        prompt_optimizer: bool | None = None,
        fast_pretreatment: bool | None = None,
        callback_url: str | None = None,
        aigc_watermark: bool | None = None,
        webhook_url: str | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> RequestHandle:
        """Submit image-to-video (Generate Image To Video Request).

        Args:
            prompt: what to show.
            first_frame_image: a URL as a str, sent as it is; a path or bytes, sent as a data URL.

        The rest as `generate`.

        Raises:
            OSError: the image file cannot be read.
            APIError, PixazoError: as `generate`; no file can have this name.
        """
        optional = {
            "first_frame_image": image_url(first_frame_image),
            "duration": duration,
            "resolution": resolution,
            "prompt_optimizer": prompt_optimizer,
            "fast_pretreatment": fast_pretreatment,
            "callback_url": callback_url,
            "aigc_watermark": aigc_watermark,
        }
        return self.submit(IMAGE_TO_VIDEO, members(prompt, optional, extra_body), webhook_url=webhook_url)

    def submit(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        webhook_url: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RequestHandle:
        """Submit to any operation of the gateway: POST body as JSON to path, below base_url.

        Args:
            path: such as "/minimax-hailuo-ai/v1/generate".
            body: sent as it is.
            webhook_url: as `generate`.
            extra_headers: win over ours, except over the key and Accept-Encoding.

        Raises:
            APIError, PixazoError: as `generate`.
        """
        submission = self._drive.run(submit(self._session, path, body, webhook_url, extra_headers))
        return RequestHandle(self._drive, self._session, submission)

    def get_handle(self, request_id: str) -> RequestHandle:
        """A handle on a Generation submitted earlier, perhaps by another process. Sends nothing."""
        return RequestHandle(self._drive, self._session, self._held(request_id))

    def retrieve(self, request_id: str) -> Generation:
        """Read a Generation once (Retrieving Results); transient failures are repeated.

        Raises:
            APIError: the read failed; it carries the request id.
        """
        url = self._session.gateway.status_url(request_id)
        return self._drive.run(read(self._session, request_id, url))

    def download(
        self,
        generation_or_url: Generation | str,
        dest: str | PathLike[str],
        *,
        index: int = 0,
        on_progress: Callable[[int, int | None], object] | None = None,
        max_bytes: int | None = None,
    ) -> Path:
        """Bring a result to disk, without the key, and return its path. It appears there whole or not at all.

        Args:
            generation_or_url: a COMPLETED Generation, or one of its `media_urls`.
            dest: the file to write, or a folder, where the URL names the file. Until all is there it is a new file
                beside it whose name ends in `.part`. A link is replaced, not followed; a device or a FIFO is refused.
            index: which of the `media_urls`.
            on_progress: called with the bytes written so far and their total, None if not known. A repetition
                after a transient failure starts from 0.
            max_bytes: give up on a larger file. There is no limit without it, and none in time.

        Raises:
            DownloadError: no such result, or it did not arrive whole, cannot be decoded, or cannot be written.
        """
        flow = download(self._session, generation_or_url, dest, index, on_progress, max_bytes)
        return self._drive.run(flow)

    def close(self) -> None:
        """Close the connections, unless they belong to an http_client that was passed in."""
        self._drive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncPixazoClient(_Caller):
    """PixazoClient for asyncio and trio: the same names, awaitable. It may be used on several event loops, at once or in turn.

    Args:
        sleep: an async function; `anyio.sleep` by default. All else as PixazoClient.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int = 2,
        polling: Polling = Polling(),  # noqa: B008  # frozen
        http_client: AsyncHTTPClient | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        gateway = Gateway.resolve(api_key, base_url)
        super().__init__(Session.create(gateway, polling, max_retries, monotonic or time.monotonic))
        self._drive = AsyncDrive(http_client, timeout, sleep)
        self.webhooks = AsyncWebhooks(self.retrieve)

    async def generate(
        self,
        prompt: str,
        *,
        duration: float | None = None,
        resolution: str | None = None,
        prompt_optimizer: bool | None = None,
        fast_pretreatment: bool | None = None,
        callback_url: str | None = None,
        aigc_watermark: bool | None = None,
        webhook_url: str | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> AsyncRequestHandle:
        """See PixazoClient.generate."""
        optional = {
            "duration": duration,
            "resolution": resolution,
            "prompt_optimizer": prompt_optimizer,
            "fast_pretreatment": fast_pretreatment,
            "callback_url": callback_url,
            "aigc_watermark": aigc_watermark,
        }
        return await self.submit(TEXT_TO_VIDEO, members(prompt, optional, extra_body), webhook_url=webhook_url)

    async def image_to_video(
        self,
        prompt: str,
        first_frame_image: str | PathLike[str] | bytes,
        *,
        duration: float | None = None,
        resolution: str | None = None,
        prompt_optimizer: bool | None = None,
        fast_pretreatment: bool | None = None,
        callback_url: str | None = None,
        aigc_watermark: bool | None = None,
        webhook_url: str | None = None,
        extra_body: Mapping[str, object] | None = None,
    ) -> AsyncRequestHandle:
        """See PixazoClient.image_to_video."""
        if not isinstance(first_frame_image, str):
            from anyio.to_thread import run_sync

            first_frame_image = await run_sync(image_url, first_frame_image)
        optional = {
            "first_frame_image": first_frame_image,
            "duration": duration,
            "resolution": resolution,
            "prompt_optimizer": prompt_optimizer,
            "fast_pretreatment": fast_pretreatment,
            "callback_url": callback_url,
            "aigc_watermark": aigc_watermark,
        }
        return await self.submit(IMAGE_TO_VIDEO, members(prompt, optional, extra_body), webhook_url=webhook_url)

    async def submit(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        webhook_url: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncRequestHandle:
        """See PixazoClient.submit."""
        submission = await self._drive.run(submit(self._session, path, body, webhook_url, extra_headers))
        return AsyncRequestHandle(self._drive, self._session, submission)

    def get_handle(self, request_id: str) -> AsyncRequestHandle:
        """See PixazoClient.get_handle."""
        return AsyncRequestHandle(self._drive, self._session, self._held(request_id))

    async def retrieve(self, request_id: str) -> Generation:
        """See PixazoClient.retrieve."""
        url = self._session.gateway.status_url(request_id)
        return await self._drive.run(read(self._session, request_id, url))

    async def download(
        self,
        generation_or_url: Generation | str,
        dest: str | PathLike[str],
        *,
        index: int = 0,
        on_progress: Callable[[int, int | None], object] | None = None,
        max_bytes: int | None = None,
    ) -> Path:
        """See PixazoClient.download."""
        flow = download(self._session, generation_or_url, dest, index, on_progress, max_bytes)
        return await self._drive.run(flow)

    async def aclose(self) -> None:
        """Close the connections of all event loops, unless they belong to an http_client that was passed in.

        A loop that ends the usual way, as with asyncio.run, has closed its own already.
        """
        await self._drive.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
