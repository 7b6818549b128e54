"""Which origin `polling_url` and media URLs have (policy `public_origin`): what the caller used, what a proxy forwarded, or a fixed one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pixazo_simulator import spec

_AUTHORITY = spec.regex(r"([A-Za-z0-9.\-_]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=64)  # a Host header may have 64 KiB
def called(scheme: str, host: str, server: tuple[str, int | None]) -> str:
    """The origin that a caller used, by the Host header; by the address that was called where that header has none."""
    if not _authority(host):
        name, port = server
        host = f"{name}:{port}" if port else name
    return f"{scheme}://{host}"


def origin(policy: spec.Policy, headers: Sequence[spec.Header], called: str) -> str:
    """The origin, which may end in a path, where it is not the one that the caller used, `called`.

    What a proxy says that its client called is in `Forwarded`, else in the `X-Forwarded-` headers. Of several values the first counts,
    which is that of the outermost proxy; several prefixes are one path. An invalid value counts as absent.
    """
    if policy.public_origin != "forwarded":
        return policy.public_origin
    scheme, _, host = called.partition("://")
    standard = _standard(",".join(_values(headers, b"forwarded")))
    schemes = [standard.get("proto", ""), *_values(headers, b"x-forwarded-proto")[:1]]
    hosts = [standard.get("host", ""), *_values(headers, b"x-forwarded-host")[:1]]
    scheme = next((each.lower() for each in schemes if each.lower() in _PORTS), scheme)
    forwarded = next(filter(None, map(_authority, hosts)), None)
    host = forwarded[0] if forwarded else host
    port = next(iter(_values(headers, b"x-forwarded-port")), "")
    # A port in a forwarded host is the one that the client wrote: a proxy in a container may name another one, its own.
    if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) <= spec.LAST_PORT and not (forwarded and forwarded[2]):
        name = re.sub(r":[0-9]+\Z", "", host)
        host = name if int(port) == _PORTS[scheme] else f"{name}:{int(port)}"
    paths = [spec.base_path(each) for each in _values(headers, b"x-forwarded-prefix")]
    path = "".join(each for each in paths if each is not None) if None not in paths else ""
    return f"{scheme}://{host}{path if len(path) <= spec.LONGEST_BASE_PATH else ''}"


def _standard(text: str) -> dict[str, str]:
    """The parameters of `Forwarded` (RFC 7239), each as in the first proxy that names it; the reader must check the value."""
    found: dict[str, str] = {}
    for pair in re.split("[;,]", text):
        name, _, value = pair.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _values(headers: Sequence[spec.Header], name: bytes) -> list[str]:
    """The values of all headers of a name, which are one list (RFC 9110, 5.3); empty elements do not count (5.6.1)."""
    joined = ",".join(value.decode("latin-1") for each, value in headers if each == name)
    return [each for each in map(str.strip, joined.split(",")) if each]


def _authority(text: str) -> re.Match[str] | None:
    """The host, and its port as group 2 if it has one; None for a string that is not an authority."""
    found = _AUTHORITY.fullmatch(text)
    return found if found and (found[2] is None or 0 < int(found[2]) <= spec.LAST_PORT) else None
