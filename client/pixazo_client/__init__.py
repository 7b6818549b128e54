"""A thin client for Pixazo's MiniMax Hailuo gateway that takes care of your money and your key. Unofficial."""

from ._client import AsyncPixazoClient, PixazoClient
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
from ._handle import AsyncRequestHandle, RequestHandle
from ._models import Generation
from ._pacing import Polling

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncPixazoClient",
    "AsyncRequestHandle",
    "AuthenticationError",
    "BadRequestError",
    "DownloadError",
    "Generation",
    "GenerationError",
    "GenerationFailedError",
    "GenerationSystemError",
    "InsufficientBalanceError",
    "InternalServerError",
    "ModelNotFoundError",
    "NotFoundError",
    "PermissionDeniedError",
    "PixazoClient",
    "PixazoError",
    "Polling",
    "RateLimitError",
    "RequestHandle",
    "WaitTimeoutError",
    "WebhookPayloadError",
]
