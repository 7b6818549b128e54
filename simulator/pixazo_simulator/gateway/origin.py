"""Which origin `polling_url` and media URLs have (policy `public_origin`): what the caller used, what a proxy forwarded, or a fixed one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pixazo_simulator import spec

_AUTHORITY = spec.regex(r"([A-Za-z0-9.\-_]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
# RFC 7239, 4: parameters of one proxy are separated by semicolons, proxies by commas. As many do, a host with a port may be unquoted.
_PAIR = spec.regex(
    r"""\s*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:([^\s";,=]+)|"((?:[^"\\]|\\.)*)"))?\s*([;,]|\Z)""", re.ASCII
)
_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=64)  # a Host header may have 64 KiB
def called(scheme: str, host: str, server: tuple[str, int | None]) -> str:
    """The origin that a caller used, by the Host header; by the address that was called where that header is none."""
    if not _is_authority(host):
        name, port = server
        host = f"{name}:{port}" if port else name
    return f"{scheme}://{host}"


def origin(policy: spec.Policy, headers: Sequence[spec.Header], called: str) -> str:
    """The origin, which may end in a path, where it is not the one that the caller used, `called`.

    A value that is not what it should be counts as absent: a host then comes from the request, or is the address that was called.
    """
    if policy.public_origin != "forwarded":
        return policy.public_origin
    scheme, _, host = called.partition("://")
    return _forwarded(headers, scheme, host)


def _forwarded(headers: Sequence[spec.Header], scheme: str, host: str) -> str:
    """What a proxy says that its client called: `Forwarded` first, then the `X-Forwarded-` headers.

    Of several values the first counts, which is that of the outermost proxy; several prefixes are one path.
    """
    standard = _standard(_joined(headers, b"forwarded"))
    schemes = standard.get("proto"), _first(headers, b"x-forwarded-proto")
    hosts = standard.get("host"), _first(headers, b"x-forwarded-host")
    scheme = next((each.lower() for each in schemes if each and each.lower() in _PORTS), scheme)
    forwarded = next((each for each in hosts if each and _is_authority(each)), None)
    port = _first(headers, b"x-forwarded-port") or ""
    # A port in a forwarded host is the one that the client wrote: a proxy in a container may name another one, its own.
    if re.fullmatch(r"[0-9]{1,5}", port) and 0 < int(port) <= spec.LAST_PORT and not (forwarded and _port(forwarded)):
        name = re.sub(r":[0-9]+\Z", "", forwarded or host)
        forwarded = name if int(port) == _PORTS[scheme] else f"{name}:{int(port)}"
    prefixes = [each for each in map(str.strip, _joined(headers, b"x-forwarded-prefix").split(",")) if each]
    paths = [spec.base_path(each) for each in prefixes]
    path = "".join(each for each in paths if each is not None) if None not in paths else ""
    return f"{scheme}://{forwarded or host}{path if len(path) <= spec.LONGEST_BASE_PATH else ''}"


def _standard(text: str) -> dict[str, str]:
    """The parameters of `Forwarded`, each as the first proxy that names it does; none when any part is malformed."""
    found: dict[str, str] = {}
    for name, value in _pairs(text):
        if name is None:
            return {}
        found.setdefault(name.lower(), value)
    return found


def _pairs(text: str) -> Iterator[tuple[str | None, str]]:
    """Name and value of each parameter; a name of None where the text is malformed."""
    position = 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None:
            yield None, ""
            return
        if pair[1]:
            yield pair[1], pair[2] if pair[2] is not None else re.sub(r"\\(.)", r"\1", pair[3])
        position = pair.end()


def _first(headers: Sequence[spec.Header], name: bytes) -> str | None:
    """The first value of a list, None when there is none; empty elements do not count (RFC 9110, 5.6.1)."""
    return next((each for each in map(str.strip, _joined(headers, name).split(",")) if each), None)


def _joined(headers: Sequence[spec.Header], name: bytes) -> str:
    """The values of all headers of a name, which are one list (RFC 9110, 5.3)."""
    return ",".join(value.decode("latin-1") for each, value in headers if each == name)


def _is_authority(text: str) -> bool:
    found = _AUTHORITY.fullmatch(text)
    return found is not None and (found[2] is None or 0 < int(found[2]) <= spec.LAST_PORT)


def _port(authority: str) -> str | None:
    found = _AUTHORITY.fullmatch(authority)
    return found[2] if found else None
