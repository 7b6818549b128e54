"""Code in this process with the vendor's host hard-coded reaches a simulator."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress

from pixazo_simulator.control import ControlClient, ControlError

from .patches import Hooks
from .routing import Detour, plain

HOSTS = ("gateway.pixazo.ai",)
"""The vendor's host, as the page prints it."""
MEDIA_HOSTS = ("pub-582b7213209642b9b995c96c95a30381.r2.dev",)
"""The host of media, as the page prints it in an example."""

_ALONE = threading.Lock()


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
) -> Generator[Detour]:
    """Lead the calls of this process to `https://HOST` into the world of `api_key` on the simulator at `url`.

    It holds in all threads, for clients made before, and past the proxies that the environment names. TLS is verified as ever,
    against the simulator's own authority; whatever key a caller sends is taken for that of the world. Other uses of the
    hosts fail, and are told in `violations` of what is given. Processes started meanwhile are not redirected: that
    is what `pixazo-sim exec` is for. `control_token` is that of a simulator which was started with `--control-token`.
    Raises RedirectionError when the simulator opens no door, or while another redirection holds.
    """
    if not _ALONE.acquire(blocking=False):
        raise RedirectionError(
            "another redirection holds in this process, and a host leads into one world: end it first"
        )
    try:
        names = tuple(dict.fromkeys(plain(host) for host in (*hosts, *media_hosts)))
        with (
            _door(ControlClient(url, api_key, control_token=control_token), names) as (port, ca_pem),
            closing(Detour(names, ("127.0.0.1", port))) as route,
            Hooks(route, ca_pem),
        ):
            yield route
    finally:
        _ALONE.release()


@contextmanager
def _door(control: ControlClient, hosts: Sequence[str]) -> Generator[tuple[int, str]]:
    """A door of the simulator: its port, and the certificate of its authority."""
    try:
        listener = control.open_tls_listener(hosts)
    except ControlError as error:
        raise RedirectionError(f"no door opens: {error}") from None
    try:
        yield listener.port, listener.ca_pem
    finally:
        with suppress(ControlError):  # a simulator or world that is gone has closed its doors
            control.close_tls_listener(listener.number)
