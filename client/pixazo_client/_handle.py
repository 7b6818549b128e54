"""A hold on one Generation: read it, follow it, wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._calls import read
from ._watch import Watch, outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from ._calls import Submission
    from ._models import Generation
    from ._session import Session
    from ._transport import AsyncDrive, Drive


class _Held:
    """What both handles know."""

    def __init__(self, session: Session, submission: Submission) -> None:
        self._session = session
        self._submission = submission

    @property
    def request_id(self) -> str:
        """The id. Save it before anything else: `get_handle` resumes from it after a crash (Typical Workflow, step 2)."""
        return self._submission.request_id

    @property
    def polling_url(self) -> str:
        """Where the status is read: the gateway's `polling_url` if on base_url's origin, else the documented address."""
        return self._submission.status_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.request_id!r})"

    def _watch(self, timeout: float) -> Watch:
        return Watch(self._session, self.request_id, self.polling_url, timeout)


class RequestHandle(_Held):
    """One Generation of a PixazoClient."""

    def __init__(self, drive: Drive, session: Session, submission: Submission) -> None:
        super().__init__(session, submission)
        self._drive = drive

    def status(self) -> Generation:
        """Read it once; transient failures are repeated.

        Raises:
            APIError: the read failed; it carries the request id.
        """
        return self._drive.run(read(self._session, self.request_id, self.polling_url))

    def iter_updates(self, timeout: float = 600) -> Iterator[Generation]:
        """Every answer that differs from the one before, up to the terminal one, read every 5 to 10 s (Polling).

        Args:
            timeout: seconds; the last read is made when they are over, and may take 10 more. `math.inf` waits as long
                as it takes.

        Raises:
            WaitTimeoutError: no terminal answer in time; the work goes on.
            APIError: a read failed in a way that a later one cannot mend (401, 402, 403, 404 ...).
        """
        return self._follow(self._watch(timeout))

    def _follow(self, watch: Watch) -> Iterator[Generation]:
        while not watch.is_over:
            yield self._drive.run(watch.next_update())

    def wait(
        self,
        timeout: float = 600,
        on_update: Callable[[Generation], object] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # as published
    ) -> Generation:
        """The terminal answer; on_update is called with each that `iter_updates` gives.

        Raises:
            GenerationFailedError, GenerationSystemError: it ended FAILED or ERROR, and raise_on_failure is set.
            WaitTimeoutError, APIError: as `iter_updates`.
        """
        watch = self._watch(timeout)
        while True:
            generation = self._drive.run(watch.next_update())
            if on_update is not None:
                on_update(generation)
            if generation.is_terminal:
                return outcome(generation, raise_on_failure=raise_on_failure)


class AsyncRequestHandle(_Held):
    """One Generation of an AsyncPixazoClient."""

    def __init__(self, drive: AsyncDrive, session: Session, submission: Submission) -> None:
        super().__init__(session, submission)
        self._drive = drive

    async def status(self) -> Generation:
        """See RequestHandle.status."""
        return await self._drive.run(read(self._session, self.request_id, self.polling_url))

    def iter_updates(self, timeout: float = 600) -> AsyncIterator[Generation]:
        """See RequestHandle.iter_updates."""
        return _Updates(self._drive, self._watch(timeout))

    async def wait(
        self,
        timeout: float = 600,  # noqa: ASYNC109  # as published
        on_update: Callable[[Generation], Awaitable[object] | None] | None = None,
        raise_on_failure: bool = True,  # noqa: FBT001, FBT002  # as published
    ) -> Generation:
        """See RequestHandle.wait; on_update may be a coroutine function."""
        watch = self._watch(timeout)
        while True:
            generation = await self._drive.run(watch.next_update())
            if on_update is not None and (pending := on_update(generation)) is not None:
                await pending
            if generation.is_terminal:
                return outcome(generation, raise_on_failure=raise_on_failure)


class _Updates:
    # Not an asynchronous generator: those must be closed by whoever leaves them early, on trio at least.
    def __init__(self, drive: AsyncDrive, watch: Watch) -> None:
        self._drive = drive
        self._watch = watch

    def __aiter__(self) -> AsyncIterator[Generation]:
        return self

    async def __anext__(self) -> Generation:
        if self._watch.is_over:
            raise StopAsyncIteration
        return await self._drive.run(self._watch.next_update())
