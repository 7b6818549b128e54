"""Submit, read, download: each a conversation that yields its wishes and receives the answers."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._errors import DownloadError, PixazoError
from ._exchange import MAYBE_CHARGED, failure, invalid
from ._models import generation_from, object_from
from ._pacing import is_transient
from ._redact import shorten
from ._steps import Fetch, Lost, Pause, Reply, Send
from ._transfer import Transfer, shown_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike
    from pathlib import Path

    from ._gateway import Gateway
    from ._models import Generation
    from ._session import Session
    from ._steps import Answer, Flow


_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_SUBMIT_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-cache"}

logger = logging.getLogger("pixazo_client")


@dataclass(frozen=True, slots=True)
class Submission:
    """What an accepted submission gave: the id, and where to read its status with the key."""

    request_id: str
    status_url: str


def submit(
    session: Session,
    path: str,
    body: Mapping[str, object],
    webhook_url: str | None,
    extra_headers: Mapping[str, str] | None,
) -> Flow[Submission]:
    """POST the body; repeated only when nothing can have been accepted."""
    webhook = {} if webhook_url is None else {"X-Webhook-URL": webhook_url}
    headers = session.gateway.headers(_SUBMIT_HEADERS, webhook, _extra("extra_headers", extra_headers))
    send = Send("POST", session.gateway.url(path), headers, _encoded(session.gateway, body))
    answer = yield from _persist(session, send.method, send)
    submission = _accepted(session.gateway, send, answer)
    logger.info("accepted %s", submission.request_id)
    return submission


def read(session: Session, request_id: str, url: str) -> Flow[Generation]:
    """GET the status once, repeated on transient failures."""
    send = read_request(session.gateway, url)
    answer = yield from _persist(session, send.method, send)
    return understand(session.gateway, send, answer, request_id)


def read_request(gateway: Gateway, url: str, within: float = math.inf) -> Send:
    """The read of a status address, which must be the gateway's; it may take so many seconds."""
    return Send("GET", url, gateway.headers(), within=within)


def understand(gateway: Gateway, send: Send, answer: Answer, request_id: str) -> Generation:
    """The Generation that an answer to a read shows.

    Raises:
        APIError: the kind that fits, carrying the request id.
    """
    if isinstance(answer, Lost) or not 200 <= answer.status < 300:
        raise failure(gateway, send, answer, request_id)
    try:
        generation = generation_from(_object(answer), gateway.hide)
    except ValueError as error:
        raise invalid(gateway, send, answer, str(error), request_id) from error
    if generation.request_id != request_id:
        problem = f"is about another request, {generation.request_id!r}"
        raise invalid(gateway, send, answer, problem, request_id)
    return generation


def download(
    session: Session,
    source: Generation | str,
    dest: str | PathLike[str],
    index: int,
    on_progress: Callable[[int, int | None], object] | None,
    max_bytes: int | None,
) -> Flow[Path]:
    """Bring one file to dest, from the start again on a transient failure."""
    url = source if isinstance(source, str) else _media_url(source, index)
    if not url.lower().startswith(("http://", "https://")):
        raise DownloadError(f"{shown_url(url)!r} is not an http(s) address: give a Generation or an URL", url=url)
    fetch = Fetch(url, lambda: Transfer(url, dest, on_progress, max_bytes))
    answer = yield from _persist(session, "GET", fetch)
    if isinstance(answer, Reply | Lost):
        raise _undelivered(session.gateway, url, answer)
    path: Path = answer
    return path


def members(prompt: str, optional: Mapping[str, object], extra: Mapping[str, object] | None) -> dict[str, object]:
    """A submission's body: what was given, without what was not (None); extra members as they are."""
    given = {name: value for name, value in optional.items() if value is not None}
    return {"prompt": prompt, **given, **_extra("extra_body", extra)}


def _extra(name: str, given: Any) -> Mapping[Any, Any]:
    if given is not None and not hasattr(given, "items"):  # its value may have secrets
        raise PixazoError(f"{name} is of type {type(given).__name__}, nothing was sent: give a dict")
    return given or {}


def _persist(session: Session, method: str, step: Send | Fetch) -> Flow[Any]:
    attempt = 0
    while True:
        try:
            answer: Answer | Path = yield step
        except PixazoError:
            raise  # nothing was sent
        except BaseException:
            if method == "POST":
                url = session.gateway.hide(step.url)
                logger.warning("%s %s: ended before its answer came; %s", method, url, MAYBE_CHARGED)
            raise
        delay = session.retry.pause(method, answer, attempt) if isinstance(answer, Reply | Lost) else None
        if delay is None:
            return answer
        logger.info("%s %s: repeated in %.1f s", method, session.gateway.hide(shown_url(step.url)), delay)
        yield Pause(delay)
        attempt += 1


def _encoded(gateway: Gateway, body: Mapping[str, object]) -> bytes:
    try:
        return _JSON.encode(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PixazoError(f"the body is not JSON, nothing was sent: {shorten(gateway.hide(str(error)))}") from error


def _object(reply: Reply) -> Mapping[str, object]:
    if reply.problem is not None:
        raise ValueError(reply.problem)
    return object_from(reply.text)


def _accepted(gateway: Gateway, send: Send, answer: Answer) -> Submission:
    if isinstance(answer, Lost) or not 200 <= answer.status < 300:
        raise failure(gateway, send, answer, None)
    try:
        said = _object(answer)
    except ValueError as error:
        raise invalid(gateway, send, answer, str(error), None) from error
    request_id, url = said.get("request_id"), said.get("polling_url")
    if not isinstance(request_id, str) or not request_id.strip("."):
        raise invalid(gateway, send, answer, "has no 'request_id'", None)
    documented = gateway.status_url(request_id)
    if isinstance(url, str) and url != documented and gateway.owns(url):
        return Submission(request_id, url)
    return Submission(request_id, documented)


def _media_url(generation: Generation, index: int) -> str:
    name = f"request {generation.request_id!r}"
    if not generation.succeeded:
        raise DownloadError(f"{name} is {generation.status}: wait until it is COMPLETED")
    if not 0 <= index < len(generation.media_urls):
        raise DownloadError(f"{name} has {len(generation.media_urls)} media, none at index {index}: look at media_urls")
    return generation.media_urls[index]


def _undelivered(gateway: Gateway, url: str, answer: Answer) -> DownloadError:
    shown = gateway.hide(shown_url(url))
    if isinstance(answer, Lost):
        error = DownloadError(f"{shown} did not arrive: {gateway.hide(answer.reason)}: download it again", url=url)
        error.__cause__ = answer.cause
        return error
    if answer.status < 400 or is_transient(answer):
        problem = f"{shown} answered {answer.status}, not with the whole file: download it again"
    else:
        problem = (
            f"{shown} answered {answer.status}: the link may have expired: retrieve the generation for a fresh one"
        )
    return DownloadError(problem, url=url, status_code=answer.status)
