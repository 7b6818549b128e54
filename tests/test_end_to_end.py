"""The reference client works against the simulator: blocking, on asyncio and on trio, with httpx2 and with httpx."""

from __future__ import annotations

import inspect
import io
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import anyio
import httpx
import httpx2
import pytest
from PIL import Image

from pixazo_client import (
    APIStatusError,
    AsyncPixazoClient,
    Generation,
    GenerationError,
    GenerationFailedError,
    GenerationSystemError,
    PixazoClient,
    WaitTimeoutError,
)
from pixazo_simulator.server.simulator import Simulator
from tests.caller import Caller
from tests.receiver import Receiver

T = TypeVar("T")

LIBRARIES: dict[str, Any] = {"httpx": httpx, "httpx2": httpx2}
KEY_HEADER = "Ocp-Apim-Subscription-Key"
GENERATE = "/minimax-hailuo-ai/v1/generate"


class Wired:
    """One kind of client, connected to a world whose clock its pauses advance; asynchronous clients are awaited."""

    def __init__(self, kind: str, simulator: Simulator, key: str) -> None:
        library, _, self.backend = kind.partition("-")
        self._library = LIBRARIES[library]
        self._simulator = simulator
        self._key = key

    def run(
        self,
        scenario: Callable[[PixazoClient], Coroutine[Any, Any, T]],
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **settings: Any,
    ) -> T:
        """The result of the scenario; the HTTP client sends `headers` with every request."""
        own = key or self._key
        wired = {
            "api_key": own,
            "base_url": self._simulator.url,
            "monotonic": partial(self._simulator.monotonic, api_key=own),
            **settings,
        }
        return anyio.run(self._play, scenario, own, headers, wired, backend=self.backend or "asyncio")

    async def _play(
        self,
        scenario: Callable[[PixazoClient], Coroutine[Any, Any, T]],
        key: str,
        headers: dict[str, str] | None,
        wired: dict[str, Any],
    ) -> T:
        advance = partial(self._simulator.advance, api_key=key)
        if not self.backend:
            with self._library.Client(headers=headers) as http:
                return await scenario(PixazoClient(http_client=http, sleep=advance, **wired))

        async def sleep(seconds: float) -> None:
            advance(seconds)

        async with self._library.AsyncClient(headers=headers) as http:
            equal: object = AsyncPixazoClient(http_client=http, sleep=sleep, **wired)
            return await scenario(cast("PixazoClient", equal))


async def got(result: T) -> T:
    """The result of a call, awaited if it must be."""
    if inspect.isawaitable(result):
        awaited: T = await cast("Awaitable[T]", result)
        return awaited
    return result


@pytest.fixture(params=["httpx2", "httpx", "httpx2-asyncio", "httpx-asyncio", "httpx2-trio", "httpx-trio"])
def wired(request: pytest.FixtureRequest, simulator: Simulator, caller: Caller) -> Wired:
    """Each kind of client in turn, in a fresh world."""
    return Wired(request.param, simulator, caller.key)


def picture() -> bytes:
    """A PNG that obeys every rule of the page."""
    written = io.BytesIO()
    Image.new("RGB", (640, 480), "navy").save(written, "PNG")
    return written.getvalue()


def test_text_to_video(wired: Wired, caller: Caller, receiver: Receiver, tmp_path: Path) -> None:
    """After submit, wait, download and webhook, every state was seen, the file is a video, the callback is confirmed and 0.60 dollars are charged."""

    async def scenario(client: PixazoClient) -> tuple[Generation, Generation, Path]:
        handle = await got(client.generate("A bear", duration=10, resolution="768P", webhook_url=receiver.url))
        done = await got(handle.wait(on_update=lambda each: seen.append(each.status)))
        (callback,) = receiver.wait()
        assert await got(client.webhooks.confirm(callback.body)) == done
        return done, client.webhooks.parse_unverified(callback.body), await got(client.download(done, tmp_path))

    seen: list[str] = []
    done, claimed, video = wired.run(scenario)
    assert seen == ["QUEUED", "PROCESSING", "COMPLETED"]
    assert claimed == done
    assert (done.succeeded, done.error, done.media_type) == (True, None, "video/mp4")
    assert done.created_at
    assert done.completed_at
    assert (done.completed_at - done.created_at).total_seconds() == 15
    assert video == tmp_path / f"{done.request_id}.mp4"
    assert video.read_bytes()[4:12] == b"ftypisom"
    assert caller.sim("ledger")["balance"] == "99.40"


@pytest.mark.parametrize("source", ["url", "bytes", "path"])
def test_image_to_video(wired: Wired, caller: Caller, tmp_path: Path, source: str) -> None:
    """The first frame may be a URL, bytes or a file; the gateway reads it as the page says and generates the video."""
    file = tmp_path / "bear.png"
    file.write_bytes(picture())
    images: dict[str, str | bytes | Path] = {"url": "https://example.com/bear.png", "bytes": picture(), "path": file}

    async def scenario(client: PixazoClient) -> Generation:
        handle = await got(client.image_to_video("A bear", images[source], aigc_watermark=True))
        return await got(handle.wait())

    assert wired.run(scenario).succeeded
    (exchange,) = caller.sim("journal")["exchanges"][:1]
    sent: dict[str, Any] = exchange["request"]["body"]
    assert (exchange["target"], set(sent)) == (
        "/minimax-hailuo-ai/v1/imageToVideo",
        {"prompt", "first_frame_image", "aigc_watermark"},
    )


@pytest.mark.parametrize(
    ("mark", "error", "status", "balance"),
    [("failed", GenerationFailedError, "FAILED", "99.65"), ("error", GenerationSystemError, "ERROR", "100.00")],
)
def test_work_that_fails(
    wired: Wired, caller: Caller, mark: str, error: type[GenerationError], status: str, balance: str
) -> None:
    """FAILED and ERROR are raised with the gateway's reason; only the latter is not charged."""

    async def scenario(client: PixazoClient) -> GenerationError:
        handle = await got(client.generate(f"A bear [[sim:{mark} too wild]]"))
        with pytest.raises(error) as caught:
            await got(handle.wait())
        assert caught.value.request_id == handle.request_id
        return caught.value

    generation = wired.run(scenario).generation
    assert (generation.status, generation.error) == (status, "too wild")
    assert caller.sim("ledger")["balance"] == balance


def test_work_that_never_ends(wired: Wired) -> None:
    """A wait ends at its deadline by the gateway's clock, and can be resumed by the request id."""

    async def scenario(client: PixazoClient) -> WaitTimeoutError:
        handle = await got(client.generate("A bear [[sim:stuck]]"))
        with pytest.raises(WaitTimeoutError) as caught:
            await got(handle.wait(timeout=60))
        again = client.get_handle(caught.value.request_id)
        assert (await got(again.status())).status == "PROCESSING"
        return caught.value

    error = wired.run(scenario)
    assert error.elapsed == 60
    assert error.last
    assert error.last.status == "PROCESSING"


ERRORS: list[tuple[int, str, str, dict[str, Any]]] = [
    (400, "BadRequestError", GENERATE, {"prompt": ""}),
    (400, "ModelNotFoundError", "/sora/v1/generate", {"prompt": "A bear"}),
    (401, "AuthenticationError", GENERATE, {"prompt": "A bear"}),
    (402, "InsufficientBalanceError", GENERATE, {"prompt": "A bear"}),
    (403, "PermissionDeniedError", GENERATE, {"prompt": "A bear"}),
    (404, "NotFoundError", "/minimax-hailuo-ai/v1/cancel", {"prompt": "A bear"}),
    (429, "RateLimitError", GENERATE, {"prompt": "A bear"}),
    (500, "InternalServerError", GENERATE, {"prompt": "A bear"}),
]
KEYS = {401: "nobody", 402: "sim-empty-wallet", 403: "sim-suspended", 429: "sim-throttled", 500: "sim-broken"}


@pytest.mark.parametrize(("code", "name", "path", "body"), ERRORS, ids=[name for _, name, _, _ in ERRORS])
def test_refused_submissions(wired: Wired, code: int, name: str, path: str, body: dict[str, Any]) -> None:
    """Each documented status code raises the exception of its name, with the gateway's message."""

    async def scenario(client: PixazoClient) -> APIStatusError:
        with pytest.raises(APIStatusError) as caught:
            await got(client.submit(path, body))
        return caught.value

    error = wired.run(scenario, key=KEYS.get(code), max_retries=0)
    assert (type(error).__name__, error.status_code) == (name, code)
    assert isinstance(error.body, dict)
    assert error.retry_after == (1 if code == 429 else None)


@pytest.mark.parametrize(
    ("code", "name"), [(code, name) for code, name, _, _ in ERRORS if code in (401, 403, 404, 429, 500)]
)
def test_refused_reads(wired: Wired, caller: Caller, code: int, name: str) -> None:
    """Each documented status code of a read raises its exception; the id of another key is as unknown as one that never existed."""
    request_id = caller.accepted()

    async def scenario(client: PixazoClient) -> APIStatusError:
        with pytest.raises(APIStatusError) as caught:
            await got(client.retrieve(request_id))
        return caught.value

    error = wired.run(scenario, max_retries=0, key=KEYS.get(code, "sim-key"))
    assert (type(error).__name__, error.status_code, error.request_id) == (name, code, request_id)


def test_a_rate_limit_is_waited_out(wired: Wired, caller: Caller) -> None:
    """A submission that got a 429 is repeated after the seconds of Retry-After, on the gateway's clock, and exists once."""
    caller.change(policy={"rate_limit": "1/30 submits"})

    async def scenario(client: PixazoClient) -> list[str]:
        return [(await got(client.generate("A bear"))).request_id for _ in range(2)]

    assert len(set(wired.run(scenario))) == 2
    exchanges = caller.sim("journal?method=POST")["exchanges"]
    assert [(each["status"], each["at"][14:19]) for each in exchanges] == [
        (202, "00:00"),
        (429, "00:00"),
        (202, "00:30"),
    ]
    assert caller.sim("ledger")["balance"] == "99.30"
