"""HAR files in the dialects of tools are read as traces, without keys; and a trace is written as one."""

from __future__ import annotations

import base64
import gzip
import json
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner
from tests.contracts.traffic.tape import Tape

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.cli import main
from pixazo_contracts.judge import judge
from pixazo_contracts.trace import InvalidTraceError, Profile, Record, Trace, dump_record
from pixazo_contracts.traffic import find, load_traffic, read_har, write_har

ORIGIN = "https://gateway.pixazo.ai"
GENERATE = f"{ORIGIN}/minimax-hailuo-ai/v1/generate"
ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
STATUS = f"{ORIGIN}/v2/requests/status/{ID}"
MEDIA = f"https://media.test/v1/{ID}/output.mp4"
KEY = "canary-9b1f-secret-7c3d"
ACCEPTED = {"request_id": ID, "status": "QUEUED", "polling_url": STATUS}
ENVELOPE = {
    "request_id": ID, "status": "COMPLETED", "model_id": "minimax-hailuo-ai", "error": None,
    "output": {"media_url": [MEDIA], "media_type": "video/mp4"},
    "created_at": "2026-03-31T10:00:00.000Z", "updated_at": "2026-03-31T10:00:15.000Z", "completed_at": "2026-03-31T10:00:15.000Z",
}  # fmt: skip
PROMPT = '{"prompt":"A bear"}'


def entry(
    method: str, url: str, status: int = 200, answer: object = None, *, at: str = "2026-03-31T10:00:00.000Z", key: str | None = KEY,
    body: str | None = None, headers: Mapping[str, str] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """An entry as Chrome writes it."""
    sent = {**({"Ocp-Apim-Subscription-Key": key} if key is not None else {}), **(headers or {})}
    posted = {} if body is None else {"postData": {"mimeType": "application/json", "text": body}}
    return {
        "startedDateTime": at,
        "time": 12.5,
        "request": {"method": method, "url": url, "headers": _listed(sent), **posted},
        "response": {
            "status": status,
            "headers": _listed({"content-type": "application/json"}),
            "content": {"mimeType": "application/json", "text": json.dumps(answer)},
        },
        **more,
    }


def _listed(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def submit(**more: Any) -> dict[str, Any]:
    return entry("POST", GENERATE, 202, ACCEPTED, body=PROMPT, **more)


def read(**more: Any) -> dict[str, Any]:
    return entry("GET", STATUS, 200, ENVELOPE, **cast("dict[str, Any]", {"at": "2026-03-31T10:00:20Z"} | more))


def archive(*entries: object, **more: object) -> bytes:
    return json.dumps({"log": {"version": "1.2", "entries": entries, **more}}).encode()


def traced(*entries: object) -> Trace:
    return read_har(archive(*entries))[0]


def test_an_app_s_calls_are_exchanges_of_a_generation() -> None:
    trace = traced(submit(), read(at="2026-03-31T10:00:20.5Z"))
    (generation,) = trace.generations
    assert (generation.request_id, generation.outcome, trace.profile.origin) == (ID, "COMPLETED", ORIGIN)
    assert [(e.operation, e.account, e.started, round(e.latency, 4)) for e in trace.exchanges] == [
        ("generate", "default", 0.0, 0.0125), ("status", "default", 20.5, 0.0125),
    ]  # fmt: skip
    assert trace.exchanges[0].intent == "accept"
    assert trace.exchanges[0].aims


def test_entries_are_ordered_by_instant_whatever_its_zone_and_digits() -> None:
    late = read(at="2026-03-31T12:00:10.1234567+02:00")
    early = submit(at="2026-03-31T10:00:09,5Z")
    last = read(at="2026-03-31T05:30:10.123457-04:30")
    assert [round(e.started, 6) for e in traced(last, late, early).exchanges] == [0.0, 0.623456, 0.623457]


@pytest.mark.parametrize(
    "at", ["", "0001-01-01T00:00:00+01:00", "2026-03-31T10:00:00.000Z"]
)  # .NET writes the second for none
def test_entries_without_an_instant_follow_those_before_them(at: str) -> None:
    """Those that began at the same instant, without a duration, have no order (FLOW-01, FLOW-03)."""
    queued = entry("GET", STATUS, 200, ACCEPTED, at=at, time=0)
    trace = traced(submit(time=-1), queued, read(at=at, time=0), read())
    assert [e.state for e in trace.exchanges[1:]] == ["QUEUED", "COMPLETED", "COMPLETED"]
    assert {v.outcome.value for v in judge(trace, CATALOGUE) if v.clause in {"FLOW-01", "FLOW-03"}} == {"PASS"}


@pytest.mark.parametrize(
    "data",
    [start + archive(submit()) for start in (b"\xef\xbb\xbf", b"\r\n ", b"")]
    + [archive(submit()).decode().encode("utf-16")],
)
def test_byte_order_marks_white_space_and_utf_16_are_read(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.har"
    file.write_bytes(data)
    assert len(load_traffic(file)[0].exchanges) == 1


def test_chrome_s_and_firefox_s_members_and_pseudo_headers_are_left_out() -> None:
    odd = submit(_initiator={"type": "script"}, pageref="page_1", serverIPAddress="1.2.3.4")
    odd["request"]["headers"] += _listed({":method": "POST", ":authority": "gateway.pixazo.ai"})
    (exchange,) = traced(odd).exchanges
    assert dict(exchange.request_headers) == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("pack", "coding", "read"),
    [(bytes, "br", [ID]), (gzip.compress, "", [ID]), (zlib.compress, "deflate", [ID]), (lzma.compress, "xz", [])],
)
def test_bodies_in_base64_are_unpacked(pack: Callable[[bytes], bytes], coding: str, read: list[str]) -> None:
    """As mitmproxy and Safari write them, and as recording proxies keep them; what cannot be unpacked was not kept."""
    coded, text = submit(), base64.b64encode(pack(json.dumps(ACCEPTED).encode())).decode()
    coded["response"]["content"] = {"encoding": "base64", "size": 5, "text": text}
    coded["response"]["headers"] = _listed({"Content-Encoding": coding})
    assert [each.accepted_id for each in traced(coded).exchanges] == read


@pytest.mark.parametrize(
    ("request_", "failed"),
    [
        ({"postData": {}}, []),
        ({"postData": {}, "bodySize": 19}, []),
        ({"postData": {"text": "[hidden]"}, "bodySize": 19}, []),
        ({"postData": {"text": '{"prompt": "A'}, "bodySize": 4000}, []),
        ({"postData": {}, "bodySize": 0}, ["SUBMIT-17"]),
        ({"postData": {"text": "[1]"}, "bodySize": 3}, ["SUBMIT-17"]),
    ],
)
def test_a_body_that_was_left_out_is_not_what_was_sent(request_: dict[str, object], failed: list[str]) -> None:
    """Only one that is known to be empty, or no object, had to be refused."""
    accepted = submit()
    accepted["request"] |= {"headers": _listed({"Content-Type": "application/json"}), **request_}
    assert [v.clause for v in judge(traced(accepted), CATALOGUE) if v.outcome.value == "FAIL"] == failed


@pytest.mark.parametrize("coding", ["", "aws-chunked"])
def test_a_video_in_base64_is_looked_into(coding: str) -> None:
    """Also if its bucket shows the encoding in which it was uploaded."""
    film = entry("GET", MEDIA, 200, key=None, at="2026-03-31T10:00:30Z")
    text = base64.b64encode(b"\0\0\0\x10ftypisom\0\0\0\0").decode()
    film["response"]["content"] = {"encoding": "base64", "text": text}
    film["response"]["headers"] = _listed({"Content-Encoding": coding})
    trace = traced(submit(), read(), film)
    (download,) = trace.generations[0].downloads
    assert download.media is not None
    assert download.media.container == "mp4"


@pytest.mark.parametrize(("named", "asked"), [("?sig=abc", "?sig=abc"), ("?sig=abc", ""), ("", "?download=1")], ids=str)
def test_a_download_is_known_whatever_the_query_of_its_url(named: str, asked: str) -> None:
    envelope = ENVELOPE | {"output": {"media_url": [MEDIA + named], "media_type": "video/mp4"}}
    film = entry("GET", MEDIA + asked, 200, key=None, at="2026-03-31T10:00:30Z")
    (generation,) = traced(submit(), entry("GET", STATUS, 200, envelope), film).generations
    assert [download.url.partition("?")[0] for download in generation.downloads] == [MEDIA]


def test_downloads_that_only_a_query_tells_apart_are_of_their_generations() -> None:
    other = ID[:-1] + "0"
    envelopes = [
        {"request_id": each, "status": "COMPLETED", "output": {"media_url": [f"https://media.test/get?id={each}"]}}
        for each in (ID, other)
    ]
    reads = [entry("GET", STATUS, 200, envelope) for envelope in envelopes]
    films = [entry("GET", f"https://media.test/get?id={each}", key=None) for each in (ID, other)]
    assert [each.request_id for each in traced(*reads, *films).exchanges[2:]] == [ID, other]


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        ({"content": {"size": 0, "mimeType": "video/mp4"}}, "INCONCLUSIVE"),
        ({"content": {"size": 0, "text": ""}}, "INCONCLUSIVE"),
        ({"content": {"size": 0}, "headers": _listed({"Content-Length": "9"})}, "PASS"),
        ({"content": {"size": 0}, "bodySize": 9}, "PASS"),
        ({"content": {"size": 4_000_000, "mimeType": "video/mp4"}}, "PASS"),
        ({"content": {"size": 0}, "headers": _listed({"content-length": "0"})}, "FAIL"),
        ({"content": {"size": 0}, "status": 404}, "FAIL"),
    ],
)
def test_a_video_that_was_left_out_is_an_empty_one_only_where_the_gateway_says_so(
    answered: dict[str, object], outcome: str
) -> None:
    film = entry("GET", MEDIA, 200, key=None, at="2026-03-31T10:00:30Z")
    film["response"] = {"status": 200, **answered}
    (verdict,) = [each for each in judge(traced(submit(), read(), film), CATALOGUE) if each.clause == "OUT-08"]
    assert verdict.outcome.value == outcome


def test_submits_that_took_no_time_are_in_no_order() -> None:
    """A recording may have whole milliseconds, or the ticks of a coarse clock (TIME-08)."""
    calls = json.dumps([submit(time=0), read()]).replace(ORIGIN, "http://127.0.0.1:8901")
    others = calls.replace(ID, f"{ID[:-1]}e")
    others = others.replace(r"created_at\": \"2026-03-31T10:00:00.000Z", r"created_at\": \"2026-03-31T09:59:59.998Z")
    trace = traced(*json.loads(others), *json.loads(calls))
    assert [v.outcome.value for v in judge(trace, CATALOGUE) if v.clause == "TIME-08"] == ["PASS"]


def test_a_call_that_shows_nothing_is_no_evidence_of_the_printed_path() -> None:
    """A conditional read without a key is no status read (AUTH-02)."""
    other = entry("GET", STATUS, 404, {"error": "x"}, key=None, headers={"If-None-Match": "x"})
    trace = traced(submit(), read(), other)
    assert [v.outcome.value for v in judge(trace, CATALOGUE) if v.clause == "AUTH-02"] == ["INCONCLUSIVE"]


def test_params_stand_for_a_text_that_is_missing() -> None:
    """As Insomnia and Charles write forms."""
    form = submit()
    form["request"]["postData"] = {
        "mimeType": "application/x-www-form-urlencoded",
        "params": _listed({"prompt": "A bear"}),
    }
    assert traced(form).exchanges[0].request_body == "prompt=A+bear"


def test_missing_parts_are_no_obstacle() -> None:
    bare = {"request": {"method": "GET", "url": STATUS}, "response": {"status": 404, "content": {"size": 0}}}
    none = {"request": {"method": "POST", "url": GENERATE, "headers": None}}
    odd = entry("POST", "https://app.test/hooks", key=None, body='{"request_id": [], "status": "QUEUED"}')
    trace = traced(bare, none, odd, {}, 7, None, {"request": "x"}, {"request": {"method": "GET", "url": "http://["}})
    assert [(e.status, e.body) for e in trace.exchanges] == [(404, "")]


@pytest.mark.parametrize(
    "response",
    [
        *(
            {"status": code, "content": {"text": "<html>"}} for code in (0, 304, 407, 511)
        ),  # a cache, a proxy, a captive portal
        *({"status": 200, "content": each} for each in ({"size": 80}, {"size": 0}, {"size": 0, "text": ""})),
        *({"status": 200, "content": {"size": 900, "text": text}} for text in ('{"request_id": "m', "[omitted]")),
    ],
)
def test_an_entry_without_a_response_says_nothing_of_the_gateway(response: dict[str, object]) -> None:
    """The client has gone away, a proxy or a cache answered, or the tool has not kept the body, or only its beginning."""
    lost, cached = entry("GET", STATUS, 0), read(_fromCache="disk")
    lost["response"] = response
    assert traced(lost, cached).exchanges == ()


def test_a_body_may_be_in_a_file_beside_the_archive(tmp_path: Path) -> None:
    """As Playwright attaches it; a file elsewhere is not read."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "body.json").write_text(json.dumps(ACCEPTED))
    attached, elsewhere, absolute = submit(), submit(), submit()
    for each, name in ((attached, "body.json"), (elsewhere, "../body.json"), (absolute, str(tmp_path / "body.json"))):
        each["response"]["content"] = {"size": -1, "mimeType": "application/json", "_file": name}
    trace, left_out = read_har(archive(attached, elsewhere, absolute), folder=folder)
    assert ([each.accepted_id for each in trace.exchanges], left_out) == ([ID], 2)


def test_other_hosts_are_left_out_and_counted() -> None:
    trace, left_out = read_har(
        archive(submit(), entry("GET", "https://cdn.test/app.js"), entry("GET", f"{ORIGIN}/favicon.ico"))
    )
    assert (len(trace.exchanges), left_out) == (1, 2)


def test_the_gateway_is_the_origin_that_was_asked_most_or_the_target() -> None:
    other = [{**each, "request": {**each["request"], "url": each["request"]["url"].replace(ORIGIN, "http://127.0.0.1:8901")}}
             for each in (submit(), read(), read())]  # fmt: skip
    assert traced(submit(), *other).profile.origin == "http://127.0.0.1:8901"
    trace, left_out = read_har(archive(submit(), *other), ORIGIN)
    assert (trace.profile.origin, len(trace.exchanges), left_out) == (ORIGIN, 1, 3)


def test_a_preflight_shows_cors() -> None:
    asked = {"Origin": "https://app.test", "Access-Control-Request-Method": "POST"}
    trace = traced(entry("OPTIONS", GENERATE, 204, key=None, headers=asked), submit())
    assert (trace.exchanges[0].operation, find(trace)["cors"].value) == ("other", "on")


def test_a_post_of_an_envelope_to_another_host_is_a_callback() -> None:
    """As mitmproxy at the app's side shows webhooks."""
    hook = "https://app.test/hooks/pixazo"
    sent = submit(headers={"X-Webhook-URL": hook})
    called = entry("POST", hook, 204, key=None, body=json.dumps(ENVELOPE), at="2026-03-31T10:00:15.5Z")
    stranger = entry("POST", hook, 204, key=None, body=json.dumps({**ENVELOPE, "request_id": "x"}))
    trace, left_out = read_har(archive(sent, called, stranger))
    (callback,) = trace.generations[0].callbacks
    assert (callback.target, callback.at, callback.answered, left_out) == ("/hooks/pixazo", 15.5, 204, 1)


def test_in_an_archive_of_whole_seconds_a_callback_and_a_read_of_the_same_second_are_in_no_order() -> None:
    """As one is that was made from a log, however precisely that says how long calls took (WEBHOOK-06)."""
    hook, at = "https://app.test/hooks", "2026-03-31T10:00:15Z"
    sent = submit(headers={"X-Webhook-URL": hook})
    called = entry("POST", hook, 204, key=None, body=json.dumps(ENVELOPE), at=at)
    before = entry("GET", STATUS, 200, ENVELOPE | {"status": "PROCESSING", "output": None, "completed_at": None}, at=at)
    verdicts = judge(traced(sent, called, before, read()), CATALOGUE)
    assert [v.outcome.value for v in verdicts if v.clause == "WEBHOOK-06"] == ["PASS"]


def test_a_trace_is_the_same_again_after_har() -> None:
    with Tape({}) as tape:
        tape.submit(headers={"X-Webhook-URL": tape.receiver()})
        accepted = tape.submit()
        tape.advance(15)
        tape.download(tape.read(accepted))
        trace = tape.trace
    again, left_out = read_har(write_har(trace))
    assert left_out == 0
    found = [{name: each.value for name, each in find(each_trace).items()} for each_trace in (trace, again)]
    assert found[0] == found[1]
    for one, other in zip(trace.exchanges, again.exchanges, strict=True):
        for name in ("url", "account", "operation", "body", "media"):
            assert getattr(one, name) == getattr(other, name)
    assert [(c.target, c.body, c.at) for c in again.callbacks] == [(c.target, c.body, c.at) for c in trace.callbacks]


def test_an_archive_of_ours_has_the_profile_of_its_trace() -> None:
    """So that a polling_url which names a proxy is no violation of SUBMIT-11."""
    profile = Profile(origin=ORIGIN, public_origins=("http://127.0.0.1:8901",), deadline=3600.0)
    trace = traced(submit())
    trace = replace(trace, header=replace(trace.header, profile=profile))
    assert read_har(write_har(trace))[0].profile == profile


ENCODED = base64.b64encode(f"xx{KEY}".encode()).decode()


def planted() -> bytes:
    """A key in every place where tools and gateways put one."""
    cookie = {
        "Cookie": f"session={KEY}-cookie; theme=dark",
        "Proxy-Authorization": f"Basic {KEY}-proxy",
        "X-Debug": KEY,
    }
    sent = submit(headers=cookie, comment=KEY, _pixazo={"case": KEY, "account": KEY.upper()})
    sent["request"]["queryString"] = _listed({"key": KEY})
    sent["response"]["headers"] += _listed({"Set-Cookie": f"id={KEY}-set; Path=/", "Location": f"/x?k={KEY}"})
    sent["response"]["content"]["text"] = json.dumps({**ACCEPTED, "echo": KEY, "upper": KEY.upper(), "coded": ENCODED})
    bearer = entry(
        "GET", STATUS, 401, {"message": KEY.encode().hex()}, key=None, headers={"Authorization": f"Bearer {KEY}-bearer"}
    )
    query = entry(
        "GET", f"{STATUS}?Subscription-Key={KEY}-query&a=1#token=canary", 200, {"x": f"{KEY}-query"}, key=None
    )
    user = entry("GET", STATUS.replace("//", "//user:canary@"))
    called = entry(
        "POST", f"https://app.test/{KEY}?x={KEY}", 200, key=None, body=json.dumps({**ENVELOPE, "error": KEY})
    )
    return archive(sent, bearer, query, called, *[user] * 9, _pixazo={"profile": {"media_hosts": [KEY]}})


def test_no_key_comes_in_however_it_is_spelt_and_an_echo_is_noted(tmp_path: Path) -> None:
    trace, _ = read_har(planted())
    records: list[Record] = [trace.header, *trace.exchanges, *trace.callbacks]
    written = b"".join(map(dump_record, records)) + write_har(trace)
    for secret in (KEY, ENCODED, KEY.encode().hex(), "canary"):
        assert secret.lower() not in written.decode().lower()
    assert "<api-key>" in written.decode()
    assert set(trace.exchanges[0].leaks) == {"header Location", "body", "header Set-Cookie"}
    assert trace.exchanges[1].leaks == ("body",)
    file = tmp_path / "a.har"
    file.write_bytes(planted())
    for command in ("profile", "har", "judge"):
        assert "canary" not in CliRunner().invoke(main, [command, str(file)]).output.lower()


def test_a_url_within_a_query_is_sent_as_it_is() -> None:
    """Its user is hidden and not left out; the user of the URL itself is no part of the request."""
    (exchange,) = traced(
        entry("GET", f"{STATUS}?at=https://me:word@a.test".replace("//gate", "//me:word@gate"))
    ).exchanges
    assert exchange.url == f"{STATUS}?at=https://<hidden>@a.test"


def test_a_cookie_like_a_word_and_where_it_holds_strike_nothing() -> None:
    sent = submit(headers={"Cookie": "theme=bear"})
    sent["response"]["headers"] += _listed({"Set-Cookie": "theme=bear; Domain=gateway.pixazo.ai; Path=/"})
    (exchange,) = traced(sent).exchanges
    assert (exchange.url, exchange.request_body, exchange.accepted_id) == (GENERATE, PROMPT, ID)


@pytest.mark.parametrize("name", ["X-Session-Id", "X-Csrf-Token", "Webhook-Signature", "X-Token-Type", "Cookie"])
def test_an_echo_of_what_is_no_key_is_no_leak(name: str) -> None:
    """A token of each request, a session or a cookie that is repeated, the signature of a callback."""
    sent = submit(headers={name: "id=a0e6b3b1-7d0c-4b2e-9a4a"})
    sent["response"]["headers"] += _listed({"X-Echo": "a0e6b3b1-7d0c-4b2e-9a4a", "Set-Cookie": "id=b1e6b3b1; Path=/"})
    assert traced(sent).exchanges[0].leaks == ()


def test_every_part_of_an_authorization_is_struck() -> None:
    """Also where it is echoed without its scheme."""
    sent = submit(headers={"Authorization": "AWS4 Credential=AKIAEXAMPLE7, Signature=f00f00f00f00"})
    sent["response"]["headers"] += _listed({"Location": "https://a.example/?Credential=AKIAEXAMPLE7, Signature=f0"})
    assert "AKIAEXAMPLE7" not in repr(traced(sent).exchanges)


def test_keys_are_told_apart_as_accounts() -> None:
    others = [
        entry("GET", STATUS, code, {}, key=key) for code, key in ((404, f"{KEY}-2"), (401, f"{KEY}-3"), (401, None))
    ]
    trace = traced(submit(), read(), read(), *others, read(key=" "))
    accounts = sorted(exchange.account for exchange in trace.exchanges)
    assert accounts == ["", "blank", "default", "default", "default", "other", "unknown"]


@pytest.mark.parametrize("key", [None, "", "REDACTED", "***", "<hidden>", "[key redacted]", "xxxx-xxxx"])
def test_where_a_tool_left_out_every_key_calls_that_were_served_had_one(key: str | None) -> None:
    """Whose a read was that found nothing, it does not say (STATUS-14)."""
    refused = entry("POST", GENERATE, 400, {"error": "x", "message": "y"}, key=key, body="{}")
    missed = entry("GET", STATUS, 404, {"error": "Not found"}, key=key, at="2026-03-31T10:00:30Z")
    trace = traced(submit(key=key), read(key=key), refused, missed)
    assert len(trace.exchanges) == 3
    assert {(e.account, e.placement) for e in trace.exchanges} == {("default", "header")}
    assert not any("AUTH-04" in e.aims for e in trace.exchanges)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"logs": {}}', "it has no log.entries"),
        (b'{"log": {"entries": 3}}', "it has no log.entries"),
        (b'{"log": ', "it is not JSON"),
        (b"[" * 100_000, "line 1 is not a trace record"),
        (b"{\xff}", "it is not JSON"),
        (archive(), "it has no request to /minimax-hailuo-ai/v1/"),
        (archive(entry("GET", "https://cdn.test/")), "export the app's calls"),
    ],
)
def test_a_file_that_is_no_archive_ends_with_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    file = tmp_path / "a.har"
    file.write_bytes(data)
    with pytest.raises(InvalidTraceError, match=said):
        load_traffic(file)
    for command in ("judge", "profile", "har"):
        result = CliRunner().invoke(main, [command, str(file)])
        assert (result.exit_code, result.output.count("\n")) == (3, 1)
        assert said in result.output


@pytest.mark.parametrize("command", ["judge", "profile", "har"])
def test_a_directory_without_a_trace_is_refused(tmp_path: Path, command: str) -> None:
    result = CliRunner().invoke(main, [command, str(tmp_path)])
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "trace.ndjson: there is no such file: name the directory" in result.output


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixazo_contracts.traffic.har.LARGEST", 100)
    file = tmp_path / "a.har"
    file.write_bytes(archive(submit()))
    with pytest.raises(InvalidTraceError, match="more than 100 bytes: export fewer calls"):
        load_traffic(file)


def test_commands_say_what_they_left_out_and_turn_each_into_the_other(tmp_path: Path) -> None:
    file, out, back = tmp_path / "a.har", tmp_path / "a.ndjson", tmp_path / "b.har"
    file.write_bytes(archive(submit(), read(), entry("GET", "https://cdn.test/app.js")))
    run = CliRunner().invoke
    made = run(main, ["har", str(file), "-o", str(out)])
    assert (
        made.output == f"pixazo-contracts: entries left out: 1: they are not for {ORIGIN}, or have no response of it\n"
    )
    assert run(main, ["har", str(out), "-o", str(back)]).output == ""
    assert json.loads(back.read_text())["log"]["version"] == "1.2"
    shown = [run(main, ["profile", str(each)]).stdout for each in (file, out, back)]
    assert shown[0] == shown[1] == shown[2]
    assert 'submit_code = "202"' in shown[0]
    codes = {run(main, ["judge", str(each), "--clauses", "SUBMIT-*"]).exit_code for each in (file, out)}
    assert len(codes) == 1


def test_a_target_that_is_no_origin_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.har"
    file.write_bytes(archive(submit()))
    result = CliRunner().invoke(main, ["profile", str(file), "--target", "nowhere"])
    assert (result.exit_code, "--target is not a URL" in result.output) == (2, True)
