"""Which https receivers get a webhook, and what an attempt says about one whose certificate is not trusted."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.patience import PATIENCE
from tests.receiver import Receiver
from tests.tools import tool

from pixazo_simulator import Settings, Simulator, SimulatorError
from pixazo_simulator.webhooks.egress import Outcome
from pixazo_simulator.webhooks.sender import Sender, WebhookRequest, read_authorities

DELIVERED = Outcome(204)
UNTRUSTED = (
    "the certificate of localhost is not trusted (unable to get local issuer certificate): name its authority with "
    "--webhook-ca FILE, Settings(webhook_ca=...) or SSL_CERT_FILE, in pytest set pixazo_webhook_ca"
)


def receiver_with(certificate: Any) -> Receiver:
    """An https receiver with this certificate, half of whose types are unknown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return Receiver(context=context)


@dataclass
class Local:
    """A local authority, its file, and another file with an authority of somebody else."""

    authority: trustme.CA
    file: Path
    other: Path

    def receiver(self, *names: str, **more: Any) -> Receiver:
        """An https receiver with a certificate for these names."""
        certificate: Any = self.authority.issue_cert(*(names or ("localhost",)), **more)
        return receiver_with(certificate)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Local:
    """Without the variables of the environment."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    made = Local(trustme.CA(), tmp_path / "rootCA.pem", tmp_path / "other.pem")
    made.authority.cert_pem.write_to_path(str(made.file))
    trustme.CA().cert_pem.write_to_path(str(made.other))
    return made


def outcome(url: str, webhook_ca: str | None = None) -> Outcome:
    """Of one webhook, sent by a sender that trusts the authorities in this file, too."""
    webhook = WebhookRequest(url=url, body=b"{}", headers={}, allowed=(), follow=False, timeout=PATIENCE / 2)

    async def send() -> Outcome:
        return await Sender(webhook_ca).send(webhook)

    return asyncio.run(send())


def test_a_certificate_of_a_local_authority_is_trusted_when_it_is_named(local: Local) -> None:
    """By the option, which adds to what is trusted anyhow; without it the attempt names the cause and the remedy."""
    with local.receiver() as receiver:
        assert outcome(receiver.url) == Outcome(None, UNTRUSTED)
        assert outcome(receiver.url, str(local.other)) == Outcome(None, UNTRUSTED)
        assert receiver.received == []
        assert outcome(receiver.url, str(local.file)) == DELIVERED


def test_the_variables_of_the_environment_are_honoured(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or else folders with files named by hash; the option adds to them."""
    folder = local.file.parent
    with local.receiver() as receiver:
        monkeypatch.setenv("SSL_CERT_FILE", str(local.file))
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        assert outcome(receiver.url) == DELIVERED
        monkeypatch.setenv("SSL_CERT_FILE", str(local.other))
        assert outcome(receiver.url) == Outcome(None, UNTRUSTED)
        assert outcome(receiver.url, str(local.file)) == DELIVERED
        monkeypatch.setenv("SSL_CERT_FILE", "")
        command = [tool("openssl"), "x509", "-noout", "-hash", "-in", str(local.file)]
        name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        local.file.rename(folder / f"{name}.0")
        assert outcome(receiver.url) == DELIVERED


def test_a_certificate_that_does_not_fit_is_named_with_its_remedy(local: Local) -> None:
    """Its authority is trusted, but it is for another name, or has expired."""
    expired = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2021, 1, 1, tzinfo=UTC)}
    with local.receiver("hooks.test") as other, local.receiver(**expired) as late:
        assert outcome(other.url, str(local.file)).problem == (
            "the certificate is not for localhost (Hostname mismatch, certificate is not valid for 'localhost'): "
            "use a name in the URL that it contains, or make one for localhost"
        )
        assert outcome(late.url, str(local.file)).problem == (
            "the certificate of localhost is not valid now (certificate has expired): renew it"
        )


def test_a_receivers_own_certificate_may_be_named(local: Local) -> None:
    """It need not be of an authority, as that of a development server is not."""
    certificate = local.authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(str(local.other))
    with receiver_with(certificate) as receiver:
        assert outcome(receiver.url, str(local.other)) == DELIVERED


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "has no certificate in PEM format: give that of the authority, such as rootCA.pem"),
        (b"\x30\x82", "has no certificate in PEM format: give that of the authority, such as rootCA.pem"),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "has a damaged certificate"),
    ],
)
def test_a_wrong_file_is_refused_at_the_start(
    local: Local, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    """In one line, and before anything listens; a wrong file of the environment is the problem of an attempt."""
    file = local.file.with_name("wrong.pem")
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SimulatorError, match=f"webhook CA file {file} {problem}"):
        Simulator(Settings(webhook_ca=str(file))).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    expected = "not sent: the authorities that SSL_CERT_FILE and SSL_CERT_DIR name cannot be used: "
    assert str(outcome("https://localhost:1/").problem).startswith(expected)


def test_other_text_in_a_file_of_authorities_is_skipped(local: Local) -> None:
    """Comments in any encoding, keys, line ends of Windows, several certificates."""
    both = local.file.read_bytes().replace(b"\n", b"\r\n") + "# Türk\n".encode() + local.other.read_bytes()
    local.file.write_bytes(both)
    assert read_authorities(str(local.file)).count("BEGIN CERTIFICATE") == 2
    with local.receiver() as receiver:
        assert outcome(receiver.url, str(local.file)) == DELIVERED
