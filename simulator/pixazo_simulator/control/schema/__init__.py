"""What the control routes take and return: requests, responses, how a world is rendered, examples."""

from . import responses

__all__ = ["responses"]
