"""Handles: read one generation, follow it, wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from ._calls import Session, Submission, Watch, read
from ._models import Generation
from ._transport import finish


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
            yield finish(watch.next_update())

    def wait(
        self,
        timeout: float = 600,
        on_update: Callable[[Generation], object] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # as published
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
        return _Updates(self._watch(timeout))

    async def wait(
        self,
        timeout: float = 600,  # noqa: ASYNC109  # as published
        on_update: Callable[[Generation], Awaitable[object] | None] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # as published
    ) -> Generation:
        """See RequestHandle.wait; on_update may be a coroutine function."""
        return await self._watch(timeout).end(on_update, raise_on_failure=raise_on_failure)


class _Updates:
    # Not an asynchronous generator: a caller who leaves one early has to close it, at least on trio.
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __aiter__(self) -> AsyncIterator[Generation]:
        return self

    async def __anext__(self) -> Generation:
        if self._watch.is_over:
            raise StopAsyncIteration
        return await self._watch.next_update()
