"""The clients and their handles, blocking and asynchronous: the same methods, each one line around a coroutine of `_calls`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Self

from ._calls import Polling, Session, Submission, Watch, download, read, submit, video_body
from ._connections import AsyncHTTPClient, HTTPClient
from ._gateway import MODEL_PATH, Gateway, secret
from ._generation import Generation
from ._models import image_url, parse_unverified
from ._transport import AsyncIO, BlockingIO, Timeout, Transport, finish

TEXT_TO_VIDEO = f"{MODEL_PATH}/generate"
IMAGE_TO_VIDEO = f"{MODEL_PATH}/imageToVideo"


class _Handle:
    def __init__(self, session: Session, submission: Submission) -> None:
        self._session = session
        self._submission = submission

    @property
    def request_id(self) -> str:
        """The id. Save it before anything else: `get_handle` resumes from it after a crash (Typical Workflow, step 2)."""
        return self._submission.request_id

    @property
    def polling_url(self) -> str:
        """The URL to read the status: the gateway's `polling_url` if on base_url's origin, else the documented one."""
        return self._submission.status_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.request_id!r})"

    def _watch(self, timeout: float) -> Watch:
        return Watch(self._session, self._submission, timeout)


class RequestHandle(_Handle):
    """One generation of a PixazoClient."""

    def status(self) -> Generation:
        """Read it once; transient failures are repeated.

        Raises:
            APIError: the read failed; the error has the request id.
        """
        return finish(read(self._session, self.request_id, self.polling_url))

    def iter_updates(self, timeout: float = 600) -> Iterator[Generation]:
        """Every state that differs from the one before, up to the terminal one, read every 5 to 10 s (Polling).

        Args:
            timeout: seconds until the last read, which may take 10 more; `math.inf` waits without a limit.

        Raises:
            WaitTimeoutError: no terminal state in time; the generation continues.
            APIError: a read failed in a way that a later one cannot mend (401, 402, 403, 404 ...).
        """
        return self._updates(self._watch(timeout))

    def _updates(self, watch: Watch) -> Iterator[Generation]:
        while not watch.is_over:
            yield finish(watch.__anext__())

    def wait(
        self,
        timeout: float = 600,
        on_update: Callable[[Generation], object] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # public, and given by position
    ) -> Generation:
        """The terminal state; on_update is called with every state that `iter_updates` returns.

        Raises:
            GenerationFailedError, GenerationSystemError: it ended FAILED or ERROR, and raise_on_failure is set.
            WaitTimeoutError, APIError: as `iter_updates`.
        """
        return finish(self._watch(timeout).end(on_update, raise_on_failure=raise_on_failure))


class AsyncRequestHandle(_Handle):
    """One generation of an AsyncPixazoClient."""

    async def status(self) -> Generation:
        """See RequestHandle.status."""
        return await read(self._session, self.request_id, self.polling_url)

    def iter_updates(self, timeout: float = 600) -> AsyncIterator[Generation]:
        """See RequestHandle.iter_updates."""
        return self._watch(timeout)

    async def wait(
        self,
        timeout: float = 600,  # noqa: ASYNC109  # public, as that of the blocking wait
        on_update: Callable[[Generation], Awaitable[object] | None] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # public, and given by position
    ) -> Generation:
        """See RequestHandle.wait; on_update may be a coroutine function."""
        return await self._watch(timeout).end(on_update, raise_on_failure=raise_on_failure)


class _Client:
    def __init__(
        self,
        gateway: Gateway,
        transport: Transport,
        polling: Polling,
        max_retries: int,
        monotonic: Callable[[], float] | None,
    ) -> None:
        self._session = Session(gateway, transport, polling, max_retries, monotonic or time.monotonic)

    def __repr__(self) -> str:
        # A client whose settings are refused is shown with the error, before it is complete.
        base_url = self._session.gateway.base_url if hasattr(self, "_session") else None
        return f"{type(self).__name__}(base_url={base_url!r})"

    def _submitted(self, request_id: str) -> Submission:
        return Submission(request_id, self._session.gateway.status_url(request_id))


class PixazoClient(_Client):
    """A client of the gateway. Threads may share it, and forked processes may inherit it: each process opens its own connections.

    Args:
        api_key: the subscription key (Authentication); else PIXAZO_API_KEY of the environment.
        base_url: the gateway; else PIXAZO_BASE_URL of the environment, else `https://gateway.pixazo.ai`.
        timeout: seconds (above 0, at most 2,000,000) for each phase of a call, or (connect, read, write, free connection)
            in which None means no limit. By default 5, 30, 30, 10; with an http_client, that client's time-outs. A call
            other than a download ends within the sum of the four, plus a second for each 16 KiB that it sends.
        max_retries: how often a call is repeated at most, where that is safe.
        polling: the interval between two reads of a wait.
        http_client: an `httpx2.Client` or `httpx.Client` to send with, which the caller closes. It is used only in the
            process (asynchronous: on the event loop) where a call of this client first left a connection open in it.
        sleep: called with seconds instead of `time.sleep`.
        monotonic: returns seconds, instead of `time.monotonic`; deadlines are measured with it.

    Raises:
        PixazoError: no key, an empty URL, or a key, URL or http_client that cannot work.
        ValueError: a timeout, max_retries or polling that cannot be used.

    Every method that sends raises a PixazoError before it sends if the client or its http_client is closed, if the
    http_client belongs to another process or event loop, or if the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int = 2,
        polling: Polling = Polling(),  # noqa: B008  # frozen, so it may be shared
        http_client: HTTPClient | None = None,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        api_key = secret(api_key)
        gateway = Gateway.resolve(api_key, base_url)
        transport = Transport(BlockingIO(http_client, sleep), http_client, timeout)
        super().__init__(gateway, transport, polling, max_retries, monotonic)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Reads the bodies of callbacks."""
        return Webhooks(self.retrieve)

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
        """Submit text-to-video (Generate Video Request). A parameter that is None is not sent: the gateway's default applies.

        Args:
            prompt: what the video shows.
            duration: seconds of video.
            resolution: such as "768P".
            prompt_optimizer: whether the gateway may improve the prompt.
            fast_pretreatment: whether it takes less time for that.
            callback_url: the body member of that name.
            aigc_watermark: whether the video is marked as generated.
            webhook_url: the X-Webhook-URL header, the URL that receives the outcome by POST (Webhook).
            extra_body: further members, which override those above.

        Raises:
            APIError: not accepted, or not known to be; the message says when the work may exist and be charged.
            PixazoError: webhook_url cannot be a header, extra_body is not a mapping, or the body is not JSON; nothing was sent.
        """
        body = video_body(
            prompt, extra_body, duration=duration, resolution=resolution, prompt_optimizer=prompt_optimizer,
            fast_pretreatment=fast_pretreatment, callback_url=callback_url, aigc_watermark=aigc_watermark,
        )  # fmt: skip
        return self.submit(TEXT_TO_VIDEO, body, webhook_url=webhook_url)

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
            prompt: what the video shows.
            first_frame_image: a URL as a str, sent unchanged; a path or bytes, sent as a data URL.

        The others are those of `generate`.

        Raises:
            OSError: the image file cannot be read.
            APIError, PixazoError: as `generate`.
        """
        body = video_body(
            prompt, extra_body, first_frame_image=image_url(first_frame_image), duration=duration, resolution=resolution,
            prompt_optimizer=prompt_optimizer, fast_pretreatment=fast_pretreatment, callback_url=callback_url,
            aigc_watermark=aigc_watermark,
        )  # fmt: skip
        return self.submit(IMAGE_TO_VIDEO, body, webhook_url=webhook_url)

    def submit(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        webhook_url: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RequestHandle:
        """Submit to any operation of the gateway: POST a JSON body to a path below base_url.

        Args:
            path: such as "/minimax-hailuo-ai/v1/generate".
            body: sent unchanged.
            webhook_url: as in `generate`.
            extra_headers: override ours, except the key and Accept-Encoding.

        Raises:
            APIError, PixazoError: as `generate`.
        """
        return RequestHandle(self._session, finish(submit(self._session, path, body, webhook_url, extra_headers)))

    def get_handle(self, request_id: str) -> RequestHandle:
        """A handle for a generation submitted earlier, perhaps by another process. Sends nothing."""
        return RequestHandle(self._session, self._submitted(request_id))

    def retrieve(self, request_id: str) -> Generation:
        """Read a generation once (Retrieving Results); transient failures are repeated.

        Raises:
            APIError: the read failed; the error has the request id.
        """
        return finish(read(self._session, request_id, self._session.gateway.status_url(request_id)))

    def download(
        self,
        generation_or_url: Generation | str,
        dest: str | PathLike[str],
        *,
        index: int = 0,
        on_progress: Callable[[int, int | None], object] | None = None,
        max_bytes: int | None = None,
    ) -> Path:
        """Download a result, without the key, and return its path. The file appears there complete or not at all.

        Args:
            generation_or_url: a COMPLETED generation, or one of its `media_urls`.
            dest: the file to write, or a folder, in which the file is named by the request id (and `-1` ... for a further
                index), or by the URL if that is given. Until it is complete it is a new file beside it whose name ends
                in `.part`. A link to a file is replaced, not followed; a device or a FIFO is refused.
            index: which of the `media_urls`.
            on_progress: called with the bytes written so far and the total, None if unknown. A repetition after a transient
                failure starts again from 0.
            max_bytes: bytes that the file may have; without it there is no limit. The time is not limited.

        Raises:
            DownloadError: there is no such result, or it did not arrive complete, cannot be decoded or written.
        """
        return finish(download(self._session, generation_or_url, dest, index, on_progress, max_bytes))

    def close(self) -> None:
        """Close the connections, but not an http_client that was passed in."""
        finish(self._session.transport.io.pool.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncPixazoClient(_Client):
    """PixazoClient for asyncio and trio: the same names, awaitable. Several event loops may use it, at once or in turn.

    Args:
        http_client: an `httpx2.AsyncClient` or `httpx.AsyncClient`.
        sleep: an async function; `anyio.sleep` by default. The others are those of PixazoClient.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int = 2,
        polling: Polling = Polling(),  # noqa: B008  # frozen, so it may be shared
        http_client: AsyncHTTPClient | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        api_key = secret(api_key)
        gateway = Gateway.resolve(api_key, base_url)
        transport = Transport(AsyncIO(http_client, sleep), http_client, timeout)
        super().__init__(gateway, transport, polling, max_retries, monotonic)

    @cached_property
    def webhooks(self) -> AsyncWebhooks:
        """Reads the bodies of callbacks."""
        return AsyncWebhooks(self.retrieve)

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
        body = video_body(
            prompt, extra_body, duration=duration, resolution=resolution, prompt_optimizer=prompt_optimizer,
            fast_pretreatment=fast_pretreatment, callback_url=callback_url, aigc_watermark=aigc_watermark,
        )  # fmt: skip
        return await self.submit(TEXT_TO_VIDEO, body, webhook_url=webhook_url)

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
            first_frame_image = await self._session.transport.io.run(image_url, first_frame_image)
        body = video_body(
            prompt, extra_body, first_frame_image=first_frame_image, duration=duration, resolution=resolution,
            prompt_optimizer=prompt_optimizer, fast_pretreatment=fast_pretreatment, callback_url=callback_url,
            aigc_watermark=aigc_watermark,
        )  # fmt: skip
        return await self.submit(IMAGE_TO_VIDEO, body, webhook_url=webhook_url)

    async def submit(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        webhook_url: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncRequestHandle:
        """See PixazoClient.submit."""
        return AsyncRequestHandle(self._session, await submit(self._session, path, body, webhook_url, extra_headers))

    def get_handle(self, request_id: str) -> AsyncRequestHandle:
        """See PixazoClient.get_handle."""
        return AsyncRequestHandle(self._session, self._submitted(request_id))

    async def retrieve(self, request_id: str) -> Generation:
        """See PixazoClient.retrieve."""
        return await read(self._session, request_id, self._session.gateway.status_url(request_id))

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
        return await download(self._session, generation_or_url, dest, index, on_progress, max_bytes)

    async def aclose(self) -> None:
        """Close the connections of all event loops, but not an http_client that was passed in.

        A loop that ended in the usual way, as with asyncio.run, has closed its own already.
        """
        await self._session.transport.io.pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Webhooks:
    """Reads the bodies of callbacks for a PixazoClient."""

    def __init__(self, retrieve: Callable[[str], Generation]) -> None:
        self._retrieve = retrieve

    parse_unverified = staticmethod(parse_unverified)

    def confirm(self, payload: bytes | str | Mapping[str, object]) -> Generation:
        """The generation that a callback names, read with our key; only the id is taken from the callback.

        Raises:
            WebhookPayloadError: it is not a status envelope.
            APIError: as `retrieve`; NotFoundError if the id belongs to another account.
        """
        return self._retrieve(parse_unverified(payload).request_id)


class AsyncWebhooks:
    """Reads the bodies of callbacks for an AsyncPixazoClient."""

    def __init__(self, retrieve: Callable[[str], Awaitable[Generation]]) -> None:
        self._retrieve = retrieve

    parse_unverified = staticmethod(parse_unverified)

    async def confirm(self, payload: bytes | str | Mapping[str, object]) -> Generation:
        """See Webhooks.confirm."""
        return await self._retrieve(parse_unverified(payload).request_id)
