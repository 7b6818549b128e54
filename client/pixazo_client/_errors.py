"""The exceptions of this package, as one tree.

PixazoError                          also raised itself: settings that cannot work, such as a missing key
├─ APIError                          a call to the gateway failed (request_id and body, as far as known)
│  ├─ APIConnectionError             no response arrived, or not the whole (sent)
│  │  └─ APITimeoutError
│  ├─ APIResponseValidationError     a response arrived that the page does not allow
│  └─ APIStatusError                 the gateway refused (status_code, retry_after); other codes, redirects
│     ├─ BadRequestError             400
│     │  └─ ModelNotFoundError       400, "Model not found"
│     ├─ AuthenticationError         401
│     ├─ InsufficientBalanceError    402
│     ├─ PermissionDeniedError       403
│     ├─ NotFoundError               404
│     ├─ RateLimitError              429
│     └─ InternalServerError         5xx
├─ GenerationError                   the gateway worked, the generation failed (generation)
│  ├─ GenerationFailedError          FAILED
│  └─ GenerationSystemError          ERROR
├─ WaitTimeoutError                  also a TimeoutError (request_id, last, elapsed)
├─ DownloadError                     (url, status_code)
└─ WebhookPayloadError               also a ValueError
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._generation import Generation


_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class PixazoError(Exception):
    """The base of every exception that this package raises."""

    def __str__(self) -> str:
        """The message; control characters of the gateway's texts, and what no file can hold (half a surrogate pair), as escapes."""
        return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], super().__str__())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle all attributes, without calling __init__, which needs keyword arguments. Worker processes pickle exceptions."""
        return type(self).__new__, (type(self),), {**self.__dict__, "args": self.args}


class APIError(PixazoError):
    """A call to the gateway failed.

    Attributes:
        request_id: the generation concerned; None for a submission, unless an id was found in what arrived of its response.
        body: what arrived of the response's body as text, the API key redacted; None if nothing did. APIStatusError decodes it.
    """

    def __init__(self, message: str, *, request_id: str | None = None, body: object = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.body = body


class APIConnectionError(APIError):
    """No response arrived, or not the whole of a success.

    Attributes:
        sent: False only if nothing can have reached the gateway because no connection was made.
    """

    def __init__(self, message: str, *, request_id: str | None = None, body: object = None, sent: bool = True) -> None:
        super().__init__(message, request_id=request_id, body=body)
        self.sent = sent


class APITimeoutError(APIConnectionError):
    """No response arrived in time."""


class APIResponseValidationError(APIError):
    """A successful response does not have the documented shape."""


class APIStatusError(APIError):
    """The gateway responded with a status code that is not a success.

    Attributes:
        status_code: the HTTP status code.
        body: the decoded JSON body with the API key redacted; None if the body is not a JSON object.
        retry_after: seconds that the gateway asks to wait; None if it does not say.
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
        super().__init__(message, request_id=request_id, body=body)
        self.status_code = status_code
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: a parameter is missing or invalid."""


class ModelNotFoundError(BadRequestError):
    """400 whose error is "Model not found" (Queue System Errors)."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or unknown."""

    remedy = "check api_key= or PIXAZO_API_KEY"


class InsufficientBalanceError(APIStatusError):
    """402: the wallet cannot pay for this generation (Queue System Errors)."""

    remedy = "top up the wallet"


class PermissionDeniedError(APIStatusError):
    """403: the key is not allowed to do this, or a proxy in front of the gateway rejected the call."""

    remedy = "check that the key is active and subscribed to this model"


class NotFoundError(APIStatusError):
    """404: the request id or the route is unknown at base_url."""

    remedy = "check the request id, the key's account and base_url"


class RateLimitError(APIStatusError):
    """429: too many calls; `retry_after` is the number of seconds to wait, if the gateway gave one."""

    remedy = "call again later"


class InternalServerError(APIStatusError):
    """5xx: the gateway or a server behind it failed."""


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def kind_of(status: int, error: object) -> type[APIStatusError]:
    """The class for a status code; `error`, a member of the body, tells an unknown model (Queue System Errors)."""
    if 500 <= status < 600:
        return InternalServerError
    if status == 400 and error == "Model not found":
        return ModelNotFoundError
    return _BY_STATUS.get(status, APIStatusError)


class GenerationError(PixazoError):
    """The generation ended without a result.

    Attributes:
        generation: its terminal state.
        request_id: its id.
    """

    def __init__(self, message: str, generation: Generation) -> None:
        super().__init__(message)
        self.generation = generation
        self.request_id = generation.request_id


class GenerationFailedError(GenerationError):
    """FAILED: the model refused the request or could not fulfil it (Status Values)."""


class GenerationSystemError(GenerationError):
    """ERROR: a system error, not charged (Status Values)."""


class WaitTimeoutError(PixazoError, TimeoutError):
    """The deadline of a wait passed; the generation continues at the gateway.

    `__cause__` is the error of the last read, if that read failed.

    Attributes:
        request_id: the generation that was waited for.
        last: its last known state; None if no read succeeded.
        elapsed: seconds waited.
    """

    def __init__(self, request_id: str, last: Generation | None, elapsed: float) -> None:
        seen = "no status was read" if last is None else f"last status {last.status}"
        super().__init__(
            f"request {request_id!r} did not end within {elapsed:.1f} s ({seen}); "
            "it continues: wait again with get_handle(request_id)"
        )
        self.request_id = request_id
        self.last = last
        self.elapsed = elapsed


class DownloadError(PixazoError):
    """A result could not be downloaded or written to disk.

    Attributes:
        url: where the file was to come from; None if there was nothing to download.
        status_code: the media host's status code, if that is the reason.
    """

    def __init__(self, message: str, *, url: str | None = None, status_code: int | None = None) -> None:
        super().__init__(message)
        self.url = url
        self.status_code = status_code


class WebhookPayloadError(PixazoError, ValueError):
    """The body of a callback is not a status envelope."""
