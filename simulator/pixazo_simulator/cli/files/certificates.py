"""The certificate of `serve --tls`. It is kept, so a client that trusts its authority still does after a restart.

The authority's private key is never written: who reads the kept files can pretend to be only these hosts, whoever trusts it.
"""

from __future__ import annotations

import datetime as dt
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from pixazo_simulator.cli.options import usage_error
from pixazo_simulator.cli.process import replace_file

HOSTS = ("localhost", "127.0.0.1", "::1")
"""The hosts that it always includes."""
LIFE, LEFT = dt.timedelta(days=365), dt.timedelta(days=30)
"""How long a new one is valid, and how long a kept one must still be valid to be used."""

_BEGIN = "-----BEGIN CERTIFICATE-----"
_HEAD = re.compile(r"pixazo-sim serve --tls, until (\d{4}-\d\d-\d\d), for (.+)")


def kept_certificate(given: Path | str | None, hosts: Iterable[str]) -> tuple[Path, Path]:
    """The file with key and certificate for HOSTS and these hosts, and that of its authority; made if none is suitable.

    They are in the given folder, or the system's folder for user settings. Raises ValueError with the remedy.
    """
    folder = Path(given or Path(click.get_app_dir("pixazo-sim"), "tls"))
    if not (given or folder.is_absolute()):  # a user without a home: it would be made in the working directory
        raise ValueError("no certificate can be saved, for this user has no home folder: choose one with --tls-folder")
    file, authority = folder / "server.pem", folder / "authority.pem"
    wanted = {*HOSTS, *(name for host in hosts for name in named(host))}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        until, known = _head(file)
        if not wanted <= known or until < dt.datetime.now(dt.UTC).date() + LEFT:
            _make(file, wanted | known, is_new=not known)
        # The last certificate is the authority's: two processes that make one at the same time both report the same.
        pem = _BEGIN + file.read_text(encoding="utf-8").rpartition(_BEGIN)[2]
        if not authority.exists() or authority.read_text(encoding="utf-8") != pem:
            replace_file(authority, pem, 0o644)
    except OSError as error:
        raise ValueError(
            f"no certificate can be saved in {folder} ({error.strerror}): choose another folder with --tls-folder"
        ) from None
    return file, authority


def _head(file: Path) -> tuple[dt.date, set[str]]:
    """Until when the kept certificate is valid, and for which hosts: none without one. Raises ValueError for a file that is not ours."""
    try:
        with file.open(encoding="utf-8") as text, suppress(ValueError):
            if found := _HEAD.fullmatch(text.readline().rstrip()):
                return dt.date.fromisoformat(found[1]), {*found[2].split()}
    except FileNotFoundError:
        return dt.date.min, set()
    # It may be the only copy of a key.
    raise ValueError(
        f"{file} was not made by `serve --tls`: choose another folder with --tls-folder, or pass it as --tls-cert"
    )


def _make(file: Path, hosts: set[str], *, is_new: bool) -> None:
    from trustme import CA

    names, since = sorted(hosts), dt.datetime.now(dt.UTC) - dt.timedelta(days=1)  # a client's clock may be late
    until = since + LIFE
    authority = CA(organization_name="pixazo-testkit")
    try:
        leaf = authority.issue_cert(*names, organization_name="pixazo-testkit", not_before=since, not_after=until)
    except (UnicodeError, ValueError) as error:
        raise ValueError(
            f"no certificate can be made for {', '.join(names)[:80]!r} ({error}): use other host names"
        ) from None
    pems = [leaf.private_key_pem, *leaf.cert_chain_pems, authority.cert_pem]
    head = f"pixazo-sim serve --tls, until {until.date()}, for {' '.join(names)}\n"
    replace_file(file, head + "".join(each.bytes().decode() for each in pems), 0o600, is_new=is_new)


def named(host: str) -> tuple[str, ...]:
    """The host under which a server that listens there is called, none for all addresses of a machine."""
    with suppress(ValueError):
        return () if ip_address(host).is_unspecified else (host,)
    return (host.lower(),)


def tls_of(options: dict[str, Any]) -> ssl.SSLContext:
    """The context that the options of `serve` describe; for our own certificate it sets `authority` and `webhook_ca` in them.

    Raises click.UsageError with the remedy when a certificate cannot be used.
    """
    certificate, key = options["tls_cert"], options["tls_key"]
    if certificate is None and key is not None:
        raise click.UsageError(f"--tls-key {key} has no certificate: add --tls-cert FILE")
    with usage_error(ValueError):
        if certificate is None:
            hosts = (options["host"], *options["control_hosts"])
            certificate, options["authority"] = map(str, kept_certificate(options["tls_folder"], hosts))
            options["webhook_ca"] = options["webhook_ca"] or options["authority"]
        return context_of(certificate, key)


def context_of(certificate: str, key: str | None) -> ssl.SSLContext:
    """A context with a certificate and its key from files (PEM). Raises ValueError with the remedy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # without it, OpenSSL asks on the terminal
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        told = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise ValueError(
            f"certificate {certificate} with key {key or certificate} cannot be used ({told}): give both as PEM, the key without a password"
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
