"""Nothing that a run writes holds a key or a token of the receiver's URL, however a gateway spells it."""

from __future__ import annotations

import base64
import binascii
import html
import http.client
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus, urlsplit

import pytest
from tests.contracts.fake_run import ORIGIN, ZERO, InProcess
from tests.contracts.gateways.fake_gateway import ACCOUNTS, ERROR_PROMPT, FAILED_PROMPT, KEY, Answered, Ask, FakeGateway
from tests.contracts.trace.test_trace import SPELLINGS
from tests.servers import free_port

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Result, Terms, evaluate, to_json, to_ndjson
from pixazo_contracts.probes import PROBES
from pixazo_contracts.report import render_html, render_junit, render_terminal
from pixazo_contracts.runner import ReceiverAddress, RunOptions, VirtualClock, run
from pixazo_contracts.trace import Profile, Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CANARY = 'Canary/9+"&<%Key'
OTHER_CANARY = "other.canary~5"
HEADER = "ocp-apim-subscription-key"
ENOUGH = (
    *("smoke", "g1", "g1 callback", "webhook alone", "failed prompt", "unknown id", "keyless reads", "late re-reads"),
)
TOKENS = ("us3r-name", "pa55.word", "S3gment_of_path", "Qu3ry-value", "ab")


def undone(text: str) -> Iterator[str]:
    """The text, and the text with one escape after another undone, Base64 and hexadecimal too; it shares no code with ours."""
    layers = [text]
    for _ in range(4):
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = re.sub(r'\\(["\\/])', r"\1", html.unescape(text))
        layers += [text, unquote_plus(text)]
        text = unquote(text)
    for layer in layers:
        yield layer
        for word in re.findall(r"[A-Za-z0-9+/_-]{8,}", layer):
            yield from (
                base64.urlsafe_b64decode(
                    word.replace("+", "-").replace("/", "_")[at:][: len(word[at:]) // 4 * 4]
                ).decode("latin-1")
                for at in range(4)
            )
            try:
                yield binascii.unhexlify(word).decode("latin-1")
            except ValueError:
                continue


def assert_absent(result: Result, folder: Path, *secrets: str) -> None:
    """No artefact holds one of the secrets in any letter case."""
    said = [render_terminal(result), render_html(result), render_junit(result).decode()]
    said += [to_json(result).decode(), to_ndjson(result).decode(), *(path.read_text() for path in folder.iterdir())]
    for text in said:
        for layer in map(str.lower, undone(text)):
            assert [secret for secret in secrets if secret.lower() in layer] == []


def observed(
    folder: Path, address: ReceiverAddress | None, *, echoes: tuple[str, ...] = (), **profile: object
) -> Result:
    """A run against a fake that takes our canaries for keys, and puts `echoes` wherever a response or a callback has room."""
    elapsed, held = 0.0, '", "'.join(echoes)
    gateway = FakeGateway(now=lambda: ZERO + elapsed)
    plain = [echo for echo in echoes if '"' not in echo and "\\" not in echo]

    def with_echoes(body: bytes) -> bytes:
        text = body.decode()
        for name in ("/output.mp4", "polling_url"):
            if name in text and echoes:
                text = re.sub(
                    r'(/output\.mp4|/requests/status/[^"]*)"', lambda found: f'{found[1]}?k={"&k=".join(plain)}"', text
                )
        return (
            f'{{"echoes": ["{held}"], {text[1:]}'.encode() if echoes and text.startswith("{") else body + held.encode()
        )

    def answer(ask: Ask) -> Answered:
        keys = {CANARY: KEY, OTHER_CANARY: ACCOUNTS["empty"]}
        headers = {**ask.headers, HEADER: keys.get(ask.headers.get(HEADER, ""), ask.headers.get(HEADER, ""))}
        reply = gateway.answer(replace(ask, target=ask.target.partition("?k=")[0], headers=headers))
        return reply.code, {**reply.headers, **said(plain)}, with_echoes(reply.encoded())

    def advance(seconds: float) -> None:
        nonlocal elapsed
        elapsed += seconds
        for _, url, body in gateway.due():
            parts = urlsplit(url)
            connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
            target = f"{parts.path}?{'&'.join([parts.query, *plain])}"
            connection.request("POST", target, with_echoes(body), {"Content-Type": "application/json", **said(plain)})
            connection.getresponse().read()
            connection.close()

    options = RunOptions(
        run="testrun0",
        max_generations=40,
        receiver=address or ReceiverAddress(),
        ledger_path=folder / "ledger.ndjson",
        trace_path=folder / "trace.ndjson",
    )
    settings = {"pace": 5.0, "deadline": 120.0, "settle": 30.0, "virtual": True, "paid": True, **profile}
    target = Target(
        Profile(origin=ORIGIN, **settings),  # type: ignore[arg-type]  # names and types are the profile's own
        {"default": (CANARY,), "empty": (OTHER_CANARY,)},
        {"failed": FAILED_PROMPT, "error": ERROR_PROMPT},
    )
    probes = [probe for probe in PROBES if probe.name in ENOUGH]
    trace = run(target, probes, options, clock=VirtualClock(advance), network=InProcess(answer))
    return evaluate(trace, CATALOGUE, Terms(today=date(2026, 3, 31)))


def said(echoes: list[str]) -> Mapping[str, str]:
    """Headers with the echoes: some of which a trace keeps, and one that it does not."""
    names = ("Location", "WWW-Authenticate", "Allow", "Cache-Control", "X-Echo")
    return {name: f"x {' '.join(echoes)}" for name in names} if echoes else {}


@pytest.mark.slow
def test_no_artefact_holds_a_key_in_any_spelling(tmp_path: Path) -> None:
    """Two keys are echoed in every body, header, URL, medium and callback; the echoes are judged, and stand nowhere."""
    spelt = [spell(key).strip('"') for spell in SPELLINGS.values() for key in (CANARY, OTHER_CANARY)]
    echoes = tuple(echo for echo in spelt if '"' not in echo.replace('\\"', ""))
    assert len(echoes) >= 24
    result = observed(tmp_path, None, echoes=echoes)
    assert_absent(result, tmp_path, CANARY, OTHER_CANARY)
    assert {result.by_id[clause].outcome.value for clause in ("AUTH-11", "WEBHOOK-14")} == {"FAIL"}


@pytest.mark.slow
def test_the_tokens_of_a_receiver_url_stand_nowhere(tmp_path: Path) -> None:
    """Not in what is recorded of the URLs that we gave; callbacks are compared with those all the same."""
    port = free_port()
    user, password, segment, value, short = TOKENS
    url = f"http://{user}:{quote(password)}@127.0.0.1:{port}/{short}/{segment}?t={value}"
    result = observed(tmp_path, ReceiverAddress(port=port, public_url=url))
    assert_absent(result, tmp_path, user, password, segment, value, f"/{short}/")
    assert result.meta.callbacks > 0
    assert {result.by_id[clause].outcome.value for clause in ("WEBHOOK-02", "WEBHOOK-03")} == {"PASS"}
    assert f"127.0.0.1:{port}/<receiver>/hook/testrun0-" in (tmp_path / "trace.ndjson").read_text()
