"""`serve --tls`, `--tls-cert` and `ca`: https on the same port, with a certificate that is kept and an authority that can sign nothing more."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import trustme
from click.testing import CliRunner
from cryptography import x509
from tests.caller import GENERATE
from tests.command import Serving, mistake

from pixazo_simulator import Simulator
from pixazo_simulator.cli.files.certificates import HOSTS, context_of, kept_certificate, named
from pixazo_simulator.cli.group import pixazo_sim
from pixazo_simulator.control import ControlClient
from pixazo_simulator.control.client import ControlError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its authority."""
    return kept_certificate(tmp_path_factory.mktemp("kept") / "tls", ())


@pytest.fixture(scope="module")
def simulator(kept: tuple[Path, Path]) -> Iterator[Simulator]:
    """One that speaks https with it."""
    with Simulator(tls=context_of(str(kept[0]), None)) as running:
        yield running


def test_urls_in_responses_are_https(simulator: Simulator, kept: tuple[Path, Path]) -> None:
    """Those of the gateway, of media, of the console, and those that explain takes."""
    context = ssl.create_default_context(cafile=str(kept[1]))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert simulator.url.startswith("https://127.0.0.1:")
    key = {"Ocp-Apim-Subscription-Key": simulator.api_key}
    for host in ("127.0.0.1", "localhost"):
        with httpx2.Client(
            base_url=f"https://{host}:{simulator.port}", verify=context, headers=key, trust_env=False
        ) as app:
            accepted = app.post(GENERATE, json={"prompt": "A bear"}).json()
            simulator.advance(20)
            done = app.get(accepted["polling_url"]).json()
            assert accepted["polling_url"].startswith(f"https://{host}:{simulator.port}/")
            assert done["output"]["media_url"][0].startswith(f"https://{host}:{simulator.port}/")
            assert app.get(done["output"]["media_url"][0]).status_code == 200
            receiver = app.get("/_sim/console/worlds/1/try").text
            assert f"https://{host}:{simulator.port}/_sim/console/receiver" in receiver
    assert simulator.control().explain("GET", f"{simulator.url}/v2/requests/status/x").status == 404


def test_a_control_client_needs_the_authority(
    simulator: Simulator, kept: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a file, or in SSL_CERT_FILE; without it the remedy is one line."""
    assert ControlClient(simulator.url, ca=str(kept[1])).health().status == "ok"
    with pytest.raises(
        ControlError, match=r"is not trusted \(.*\): name its authority with SSL_CERT_FILE=.*, or in Python with ca="
    ):
        ControlClient(simulator.url).health()
    with pytest.raises(ControlError) as raised:
        ControlClient(simulator.url.replace("://", "://me:hunter2@")).health()
    assert "is not trusted" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(kept[1]))
    assert ControlClient(simulator.url).health().status == "ok"
    with pytest.raises(ValueError, match=r"authority .*none\.pem cannot be read"):
        ControlClient(simulator.url, ca=str(tmp_path / "none.pem"))
    with pytest.raises(ControlError, match="got no response"):
        ControlClient(simulator.url.replace("https", "http")).health()


def test_the_key_of_the_authority_is_nowhere(kept: tuple[Path, Path]) -> None:
    """The only private key is that of the server, in a file that only its owner reads; the authority has signed one certificate, for a year."""
    folder = kept[0].parent
    assert (folder.stat().st_mode & 0o777, kept[0].stat().st_mode & 0o777) == (0o700, 0o600)
    texts = {each.name: each.read_text() for each in folder.iterdir()}
    assert {name: text.count("PRIVATE KEY-----\n") for name, text in texts.items()} == {
        "server.pem": 2,
        "authority.pem": 0,
    }
    leaf, authority = (
        x509.load_pem_x509_certificates(each.encode())[0] for each in (texts["server.pem"], texts["authority.pem"])
    )
    assert leaf.public_key() != authority.public_key()
    assert leaf.issuer == authority.subject
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(str(each.value) for each in names) == sorted(HOSTS)
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 825


def test_it_is_kept_until_it_does_not_do(tmp_path: Path) -> None:
    """The same for each run; a further host, or an end within a month, makes a new one, for all hosts that it ever had."""
    folder = tmp_path / "tls"
    _, authority = kept_certificate(folder, ["sim.test"])
    first = authority.read_bytes()
    assert kept_certificate(folder, [])[1].read_bytes() == first
    file, _ = kept_certificate(folder, ["other.test"])
    second = authority.read_bytes()
    assert file.read_text().startswith("pixazo-sim serve --tls, until ")
    assert "for 127.0.0.1 ::1 localhost other.test sim.test\n" in file.read_text()
    file.write_text(file.read_text().replace("until 20", "until 19", 1))
    assert len({first, second, kept_certificate(folder, [])[1].read_bytes()}) == 3
    authority.write_text("spoilt")
    assert kept_certificate(folder, [])[1].read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """It may be the only copy of a key: without our head, or with a date that is none, it is not replaced."""
    file = tmp_path / "server.pem"
    for text in ("-----BEGIN PRIVATE KEY-----\n", "pixazo-sim serve --tls, until 2026-99-99, for localhost\n"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"was not made by `serve --tls`: choose another folder with --tls-folder"):
            kept_certificate(tmp_path, ())
        assert file.read_text(encoding="utf-8") == text


def test_a_file_system_without_links_keeps_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left beside the two files, for a host in any alphabet."""

    def refuse(*_paths: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    file, authority = kept_certificate(tmp_path, ["münchen.test"])
    assert {*tmp_path.iterdir()} == {file, authority}
    context_of(str(file), None)
    assert kept_certificate(tmp_path, ["münchen.test"])[1].read_bytes() == authority.read_bytes()


def test_a_user_without_a_home_chooses_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a user that has no name: no folder called ~ is made in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 2)
    with pytest.raises(ValueError, match="this user has no home folder: choose one with --tls-folder"):
        kept_certificate(None, ())
    assert not [*tmp_path.iterdir()]


def test_where_it_cannot_be_kept_or_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ValueError,
        match=r"no certificate can be saved in .*/file/tls \(Not a directory\): choose another folder with --tls-folder",
    ):
        kept_certificate(tmp_path / "file" / "tls", ())
    with pytest.raises(ValueError, match=r"no certificate can be made for .*: use other host names"):
        kept_certificate(tmp_path / "tls", ["xn--zzzzzz..test"])
    assert [named(host) for host in ("0.0.0.0", "::", "10.1.2.3", "Sim.Test")] == [(), (), ("10.1.2.3",), ("sim.test",)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tls-key", "k.pem"], "--tls-key k.pem has no certificate: add --tls-cert FILE"),
        (["--tls-cert", "none.pem"], "certificate none.pem with key none.pem cannot be used (No such file or directory): give both as PEM, the key without a password"),
        (["--tls-cert", __file__], f"certificate {__file__} with key {__file__} cannot be used ("),
    ],
)  # fmt: skip
def test_a_certificate_that_cannot_be_used(arguments: list[str], says: str) -> None:
    assert mistake("serve", "--port", "0", *arguments).startswith(says)


def test_ca_prints_the_authority(kept: tuple[Path, Path]) -> None:
    folder = ["--tls-folder", str(kept[1].parent)]
    assert CliRunner().invoke(pixazo_sim, ["ca", *folder]).output == f"{kept[1]}\n"
    assert CliRunner().invoke(pixazo_sim, ["ca", "--pem", *folder]).output == kept[1].read_text()


@pytest.mark.slow
def test_serve_speaks_https_on_its_port(tmp_path: Path) -> None:
    """With a certificate of ours, whose authority is named beside the ready line; or of one's own. The receiver of the console trusts it."""
    own = trustme.CA()
    own.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "own.pem"))
    own.cert_pem.write_to_path(str(tmp_path / "own-ca.pem"))
    cases = {
        str(tmp_path / "tls" / "authority.pem"): ("--tls", "--tls-folder", str(tmp_path / "tls"), "--control-host", "sim.test", "--clock", "manual"),
        str(tmp_path / "own-ca.pem"): ("--host", "localhost", "--tls-cert", str(tmp_path / "own.pem")),
    }  # fmt: skip
    for authority, options in cases.items():
        serving = Serving("--port", "0", *options)
        try:
            assert serving.ready_line.startswith("ready https://")
            client = ControlClient(serving.url, serving.key, ca=authority)
            if "--tls" in options:
                context = ssl.create_default_context(cafile=authority)
                with httpx2.Client(base_url=serving.url, verify=context, trust_env=False) as app:
                    hook = f"{serving.url}/_sim/console/receiver"
                    headers = {"Ocp-Apim-Subscription-Key": serving.key, "X-Webhook-URL": hook}
                    app.post(GENERATE, json={"prompt": "A bear"}, headers=headers)
                client.advance(20)
                (delivery,) = client.deliveries().deliveries
                assert delivery.delivered, delivery
            assert client.health().status == "ok"
        finally:
            assert serving.end() == 0
