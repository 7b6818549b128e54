"""What can go wrong, as one tree of exceptions.

PixazoError                          also raised itself: settings that cannot work, such as a missing key
├─ APIError                          a call to the gateway failed (request_id, when one is known)
│  ├─ APIConnectionError             no answer came (sent)
│  │  └─ APITimeoutError
│  ├─ APIResponseValidationError     an answer came that the page does not allow
│  └─ APIStatusError                 the gateway refused (status_code, body, retry_after); other codes, redirects
│     ├─ BadRequestError             400
│     │  └─ ModelNotFoundError       400, "Model not found"
│     ├─ AuthenticationError         401
│     ├─ InsufficientBalanceError    402
│     ├─ PermissionDeniedError       403
│     ├─ NotFoundError               404
│     ├─ RateLimitError              429
│     └─ InternalServerError         5xx
├─ GenerationError                   the gateway did its part, the work failed (generation)
│  ├─ GenerationFailedError          FAILED
│  └─ GenerationSystemError          ERROR
├─ WaitTimeoutError                  also a TimeoutError (request_id, last, elapsed)
├─ DownloadError                     (url, status_code)
└─ WebhookPayloadError               also a ValueError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._models import Generation


def _rebuild(
    kind: type[PixazoError], args: tuple[object, ...], state: Mapping[str, object]
) -> PixazoError:  # one exception, unpickled
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class PixazoError(Exception):
    """Everything this package raises on its own account."""

    def __reduce__(self) -> tuple[object, ...]:
        """Survive pickling, as worker processes need: the constructors' keywords would be lost otherwise."""
        return _rebuild, (type(self), self.args, self.__dict__)


class APIError(PixazoError):
    """A call to the gateway failed.

    Attributes:
        request_id: the Generation concerned; None on a submission, which has none yet.
    """

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class APIConnectionError(APIError):
    """No answer came.

    Attributes:
        sent: False only if nothing can have reached the gateway (no connection was made).
    """

    def __init__(self, message: str, *, request_id: str | None = None, sent: bool = True) -> None:
        super().__init__(message, request_id=request_id)
        self.sent = sent


class APITimeoutError(APIConnectionError):
    """No answer came in time."""


class APIResponseValidationError(APIError):
    """An answer came whose shape is not the documented one."""


class APIStatusError(APIError):
    """The gateway answered with a code that is not a success.

    Attributes:
        status_code: the HTTP status code.
        body: the decoded JSON body, the API key hidden; None if the body is not JSON.
        retry_after: seconds the gateway asks to wait; None if it does not say.
    """

    remedy: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        body: object = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status_code = status_code
        self.body = body
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: a parameter is missing or not acceptable."""


class ModelNotFoundError(BadRequestError):
    """400 whose error is "Model not found" (Queue System Errors)."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or unknown."""

    remedy = "check api_key= or PIXAZO_API_KEY"


class InsufficientBalanceError(APIStatusError):
    """402: the wallet cannot pay for this."""

    remedy = "top up the wallet"


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this, or a front door turned the call away."""

    remedy = "check that the key is active and subscribed to this model"


class NotFoundError(APIStatusError):
    """404: no such request, or no such route at base_url."""

    remedy = "check the request id, the key's account and base_url"


class RateLimitError(APIStatusError):
    """429: too many calls; `retry_after` says how many seconds to wait, if the gateway did."""

    remedy = "call again later"


class InternalServerError(APIStatusError):
    """5xx: the gateway or what stands behind it failed."""


class GenerationError(PixazoError):
    """The work ended without a result.

    Attributes:
        generation: the terminal answer.
        request_id: its id.
    """

    def __init__(self, message: str, generation: Generation) -> None:
        super().__init__(message)
        self.generation = generation
        self.request_id = generation.request_id


class GenerationFailedError(GenerationError):
    """FAILED: the model refused or could not do it."""


class GenerationSystemError(GenerationError):
    """ERROR: a system error, not charged (Status Values)."""


class WaitTimeoutError(PixazoError, TimeoutError):
    """The deadline of a wait passed; the work goes on at the gateway.

    `__cause__` is the failure of the last read, if that one failed.

    Attributes:
        request_id: the Generation waited for.
        last: the last answer seen, None if no read succeeded.
        elapsed: seconds waited.
    """

    def __init__(self, request_id: str, last: Generation | None, elapsed: float) -> None:
        seen = "no status was read" if last is None else f"last status {last.status}"
        super().__init__(
            f"request {request_id!r} did not end within {elapsed:.1f} s ({seen}); "
            "it goes on: wait again with get_handle(request_id)"
        )
        self.request_id = request_id
        self.last = last
        self.elapsed = elapsed


class DownloadError(PixazoError):
    """A file of the result could not be fetched or written.

    Attributes:
        url: where it was to come from; None if there was nothing to fetch.
        status_code: what the media host answered, if that is why.
    """

    def __init__(self, message: str, *, url: str | None = None, status_code: int | None = None) -> None:
        super().__init__(message)
        self.url = url
        self.status_code = status_code


class WebhookPayloadError(PixazoError, ValueError):
    """A callback body is not a status envelope."""
