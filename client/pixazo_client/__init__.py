"""A thin client for Pixazo's MiniMax Hailuo gateway that takes care of your money and your key. Unofficial."""

from typing import TYPE_CHECKING

from ._calls import Polling
from ._client import AsyncPixazoClient, AsyncRequestHandle, PixazoClient, RequestHandle
from ._errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    DownloadError,
    GenerationError,
    GenerationFailedError,
    GenerationSystemError,
    InsufficientBalanceError,
    InternalServerError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    PixazoError,
    RateLimitError,
    WaitTimeoutError,
    WebhookPayloadError,
)
from ._generation import Generation

__all__ = [
    "APIConnectionError", "APIError", "APIResponseValidationError", "APIStatusError", "APITimeoutError",
    "AsyncPixazoClient", "AsyncRequestHandle", "AuthenticationError", "BadRequestError", "DownloadError", "Generation",
    "GenerationError", "GenerationFailedError", "GenerationSystemError", "InsufficientBalanceError",
    "InternalServerError", "ModelNotFoundError", "NotFoundError", "PermissionDeniedError", "PixazoClient",
    "PixazoError", "Polling", "RateLimitError", "RequestHandle", "WaitTimeoutError", "WebhookPayloadError",
]  # fmt: skip


if TYPE_CHECKING:
    __version__: str
else:  # with it, a type checker would accept any name

    def __getattr__(name: str) -> str:
        """The version, which takes longer to look up than the rest to import."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        return version("pixazo-testkit")


del TYPE_CHECKING
