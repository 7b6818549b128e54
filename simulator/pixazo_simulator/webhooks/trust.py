"""Which certificates of https receivers are trusted, and what to do about one that is not."""

from __future__ import annotations

import ssl
from pathlib import Path

from pixazo_simulator.spec import regex

_CERTIFICATE = regex(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
# OpenSSL's X509_V_ERR_: CERT_NOT_YET_VALID, CERT_HAS_EXPIRED; HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH.
_OUT_OF_DATE, _OTHER_NAME = (9, 10), (62, 64)


def read_authorities(path: str) -> str:
    """The certificates in a PEM file. Raises ValueError that names the file and the remedy."""
    try:
        text = Path(path).read_text(encoding="latin-1")
    except OSError as error:
        raise ValueError(f"webhook CA file {path} cannot be read: {error.strerror}") from None
    certificates = "\n".join(_CERTIFICATE.findall(text))
    if not certificates:
        raise ValueError(
            f"webhook CA file {path} has no certificate in PEM format: give that of the authority, such as rootCA.pem"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates)
    except ssl.SSLError as error:
        raise ValueError(
            f"webhook CA file {path} has a damaged certificate ({error.reason}): export it again"
        ) from None
    return certificates


def trusting(authorities: str) -> ssl.SSLContext:
    """A context that trusts the system's authorities, or those that the environment names, and these (PEM).

    Raises ValueError when the environment names what cannot be used.
    """
    import httpx2  # finds the authorities of every platform, and honours SSL_CERT_FILE and SSL_CERT_DIR

    try:
        context = httpx2.create_ssl_context()
    except OSError as error:
        raise ValueError(f"the authorities that SSL_CERT_FILE and SSL_CERT_DIR name cannot be used: {error}") from None
    context.set_alpn_protocols(["http/1.1"])
    if authorities:
        context.load_verify_locations(cadata=authorities)
    # A receiver's own certificate may be given, too, such as that of `dotnet dev-certs`; it need not have everything that an authority's has.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def distrust(error: BaseException | None, host: str) -> str | None:
    """Why the certificate of `host` was not accepted, and the remedy, if that is the cause of an error."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    reason = error.verify_message.rstrip(".")
    if error.verify_code in _OTHER_NAME:
        return f"the certificate is not for {host} ({reason}): use a name in the URL that it contains, or make one for {host}"
    if error.verify_code in _OUT_OF_DATE:
        return f"the certificate of {host} is not valid now ({reason}): renew it"
    return (
        f"the certificate of {host} is not trusted ({reason}): name its authority with --webhook-ca FILE, "
        "Settings(webhook_ca=...) or SSL_CERT_FILE, in pytest set pixazo_webhook_ca"
    )
