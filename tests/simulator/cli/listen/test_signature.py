"""Signatures of webhooks, as the receiver finds them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from pixazo_simulator.cli.listen.callback import Callback, judge
from pixazo_simulator.webhooks import read_secret

from .listening import NOW, SECRET

OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"request_id": "r-1", "status": "COMPLETED"}'


def signed(*secrets: str, seconds: int = NOW // 1000, body: bytes = BODY) -> Callback:
    """A webhook that other hands have signed with each of the secrets."""
    made = [Webhook(each).sign("msg_1", datetime.fromtimestamp(seconds, UTC), BODY.decode()) for each in secrets]
    return callback(id="msg_1", timestamp=str(seconds), signature=" ".join(made), body=body)


def callback(body: bytes = BODY, **headers: str) -> Callback:
    """A webhook with these of the three headers."""
    written = tuple((f"webhook-{name}".encode(), value.encode("latin-1")) for name, value in headers.items())
    return Callback(at=NOW, method="POST", target="/", headers=written, body=body)


def found(sent: Callback, *secrets: str) -> tuple[str, int | None, str]:
    """What is found about it: the word, the age, the sentence."""
    verdict = judge(sent, tuple(map(read_secret, secrets)), NOW)
    return verdict.verdict, verdict.age, verdict.reason


@pytest.mark.parametrize("secrets", [(SECRET,), (OTHER, SECRET)])
@pytest.mark.parametrize("signers", [(SECRET,), (SECRET, OTHER)])
def test_one_of_the_secrets_is_enough(secrets: tuple[str, ...], signers: tuple[str, ...]) -> None:
    """As during a rotation, on either side."""
    assert found(signed(*signers), *secrets) == ("valid", 0, "signature valid")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (300, ""),
        (-300, ""),
        (301, ", but from 0:05:01 ago: verifiers that use the present time accept 5 min"),
        (-7200, ", but from 2:00:00 ahead: verifiers that use the present time accept 5 min"),
        (20 * 86_400, ", but from 20 days, 0:00:00 ago: verifiers that use the present time accept 5 min"),
    ],
)
def test_an_old_signature_is_valid_and_its_age_is_said(seconds: int, said: str) -> None:
    """The clock of a world may be in another year."""
    sent = signed(SECRET, seconds=NOW // 1000 - seconds)
    assert found(sent, SECRET) == ("valid", seconds, f"signature valid{said}")


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (signed(OTHER), "not made with the secret of these bytes"),
        (signed(SECRET, body=b"{}"), "not made with the secret of these bytes"),
        (callback(id="msg_1", timestamp="1774951215", signature="\xff v1 v1,"), "not made with the secret of these bytes"),
        (callback(id="m", timestamp="1e9", signature="v1,"), "webhook-timestamp is not in seconds"),
        (callback(id="m", timestamp="\xb2", signature="v1,"), "webhook-timestamp is not in seconds"),
        (callback(id="m", timestamp="1" * 5000, signature="v1,"), "webhook-timestamp is not in seconds"),
    ],
)  # fmt: skip
def test_a_wrong_signature(sent: Callback, says: str) -> None:
    """Of another secret or other bytes, or of no bytes at all."""
    assert found(sent, SECRET)[::2] == ("wrong", f"signature wrong: {says}")


@pytest.mark.parametrize(
    ("sent", "secrets", "word", "says"),
    [
        (callback(), (), "not checked", "not signed"),
        (callback(), (SECRET,), "missing", "signature missing: there is no webhook-id"),
        (callback(id="m", timestamp="1"), (SECRET,), "missing", "signature missing: there is no webhook-signature"),
        (signed(SECRET), (), "not checked", "signature not checked: give --secret"),
    ],
)
def test_without_a_signature_or_a_secret(sent: Callback, secrets: tuple[str, ...], word: str, says: str) -> None:
    assert found(sent, *secrets)[::2] == (word, says)


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_ä", "whsec_abc", "my secret 17"])
def test_a_secret_that_is_none_is_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"the secret is not whsec_ and Base64: give the webhook_secret") as caught:
        read_secret(text)
    assert "17" not in str(caught.value)
