"""Code in this process with the vendor's host hard-coded reaches a simulator."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress

from pixazo_simulator.control import ControlClient, ControlError

from .patches import Patches
from .routing import Route, normalized

HOSTS = ("gateway.pixazo.ai",)
"""The vendor's host, as the page prints it."""
MEDIA_HOSTS = ("pub-582b7213209642b9b995c96c95a30381.r2.dev",)
"""The host of media, as the page prints it in an example."""

_ACTIVE = threading.Lock()


class RedirectionError(Exception):
    """A redirection cannot begin; the message names the remedy."""


@contextmanager
def redirect(
    url: str,
    api_key: str,
    *,
    hosts: Sequence[str] = HOSTS,
    media_hosts: Sequence[str] = MEDIA_HOSTS,
    control_token: str | None = None,
) -> Generator[Route]:
    """Redirect this process's calls to `https://HOST` to the world of `api_key` on the simulator at `url`.

    This applies to all threads, to clients created before, and in spite of proxies that the environment names. TLS is verified as
    usual, against the simulator's own authority; any key that a client sends is replaced by the key of the world. Every other use of
    the hosts fails and is listed in `violations` of the yielded route. Processes that start meanwhile are not redirected: use
    `pixazo-sim exec` for them. `control_token` is the token of a simulator that was started with `--control-token`.
    Raises RedirectionError when the simulator opens no TLS listener, or while another redirection is active.
    """
    if not _ACTIVE.acquire(blocking=False):
        raise RedirectionError(
            "another redirection is active in this process, and a host reaches one world only: end it first"
        )
    try:
        names = tuple(dict.fromkeys(normalized(host) for host in (*hosts, *media_hosts)))
        with (
            _listener(ControlClient(url, api_key, control_token=control_token), names) as (port, ca_pem),
            closing(Route(names, ("127.0.0.1", port))) as route,
            Patches(route, ca_pem),
        ):
            yield route
    finally:
        _ACTIVE.release()


@contextmanager
def _listener(control: ControlClient, hosts: Sequence[str]) -> Generator[tuple[int, str]]:
    """A TLS listener of the simulator: its port, and the certificate of its authority."""
    try:
        opened = control.open_tls_listener(hosts)
    except ControlError as error:
        raise RedirectionError(f"the simulator opens no TLS listener: {error}") from None
    try:
        yield opened.port, opened.ca_pem
    finally:
        with suppress(ControlError):  # a simulator or world that is gone has closed its listeners
            control.close_tls_listener(opened.number)
