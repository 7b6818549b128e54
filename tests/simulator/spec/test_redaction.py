"""What is taken out of texts."""

from __future__ import annotations

import json
import logging
import re
import time
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.own_words import FILE, text

from pixazo_simulator.spec.redaction import Redactor, SecretFilter, is_secret, own_words, sent_secrets
from pixazo_simulator.spec.text import beginning

KEY = "canary-5f1d"
ODD = 'se"cr/et k'


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("the key canary-5f1d twice: canary-5f1d", KEY, "the key [redacted] twice: [redacted]"),
        ("xcanary-5f1dx", KEY, "x[redacted]x"),
        ("sim-key is a secret: 'sim-key', sim-key.", "sim-key", "[redacted] is a secret: '[redacted]', [redacted]."),
        ("pixazo-sim-keys and my_sim-key and sim-key2", "sim-key", "pixazo-sim-keys and my_sim-key and sim-key2"),
        ("GET /sim-key?a=sim-key&b=x", "sim-key", "GET /[redacted]?a=[redacted]&b=x"),
        ("k", "k", "[redacted]"),
        ("12345678", "12345678", "[redacted]"),
        ("at 10:0815:00, 127.0.0815.1, then 0815", "0815", "at 10:0815:00, 127.0.0815.1, then [redacted]"),
        ("exchange 12", "12", "exchange 12"),
        ("it is COMPLETED", "COMPLETED", "it is COMPLETED"),
        (r'{"a":"se\"cr/et k"}', ODD, '{"a":"[redacted]"}'),
        ("GET /se%22cr/et%20k?se%22cr%2Fet%20k&se%22cr%2Fet+k", ODD, "GET /[redacted]?[redacted]&[redacted]"),
        (repr({"prompt": "1'2\"3\\4567"}), "1'2\"3\\4567", "{'prompt': '[redacted]'}"),
        ("%63anary%2d5f1d", KEY, "[redacted]"),
        ("%2563anary-5f1d", KEY, "[redacted]"),
        (r"\u0063anary\u002d5f1d and \x63anary-5f1d", KEY, "[redacted] and [redacted]"),
        (r"\ud83d\ude00 \uDFFF \ud7ff \u0073im-key", "sim-key", "\\ud83d\\ude00 \\uDFFF \ud7ff [redacted]"),
        (r"a line\nsim-key", "sim-key", "a line\n[redacted]"),
        ("a%20sim-key", "sim-key", "a [redacted]"),
        ("host canary-5f1d.test", "Canary-5F1D", "host [redacted].test"),
        ("host q7-zk", "q7-Zk", "host [redacted]"),
        ("is schl\u00fcssel-99", "schl\u00fcssel-99".encode().decode("latin-1"), "is [redacted]"),
        ("is schl\u00c3\u00bcssel-99", "schl\u00fcssel-99", "is [redacted]"),
        ("the request_id and Prompt", "request_id", "the request_id and Prompt"),
        ("callback_url=refuse", "callback", "callback_url=refuse"),
        ("callback_url=refuse", "refuse", "callback_url=refuse"),
        ("{'AnswerRequest': 'application/json'}", "AnswerRequest", "{'AnswerRequest': 'application/json'}"),
        ("it is sim%20k", "sim k", "it is [redacted]"),
        ("nobody's", "", "nobody's"),
        ("nobody's", "  ", "nobody's"),
    ],
)
def test_a_key_is_taken_out(text: str, key: str, expected: str) -> None:
    """Wherever it stands and however it is written; one of less than 8 characters where it stands alone."""
    assert Redactor((key,)).text(text) == expected


@pytest.mark.parametrize("key", [KEY, "sim-keys", "a-much-longer-key-than-that", "9f8e7d6c5b4a"])
@pytest.mark.parametrize("user", ["", "a", "me", "you"])
def test_a_key_in_base64_is_taken_out(key: str, user: str) -> None:
    """As `Authorization: Basic` sends it, whatever the user's name: what is left cannot be read."""
    reported = Redactor((key,)).text(f"sent {b64encode(f'{user}:{key}'.encode()).decode()} there")
    assert "[redacted]" in reported
    assert b64encode(f"{user}:{key}".encode()).decode()[len(user) + 4 : -4] not in reported


def test_a_short_key_is_not_looked_for_in_base64() -> None:
    """Nothing there says that it stands alone: it may be a part of any word."""
    sent = b64encode(b"on minimax-hailuo-ai").decode()
    assert Redactor(("hailuo", "minimax")).text(sent) == sent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/x?token=abc&y=1", "/x?token=[hidden]&y=1"),
        ("api_key=abc&y=1;sig=xyz", "api_key=[hidden]&y=1;sig=[hidden]"),
        ("/x?%74oken=abc", "/x?%74oken=[hidden]"),
        ("https://me:pass@a.test/b", "https://[hidden]@a.test/b"),
        ("https://me@a.test/b?c=d@e", "https://[hidden]@a.test/b?c=d@e"),
        ('{"token": "a b", "x": {"password": 12}, "a":1', '{"token": "[hidden]", "x": {"password": "[hidden]"}, "a":1'),
        ("body is {'clientSecret': 'a', 'b': 'c'}", "body is {'clientSecret': '[hidden]', 'b': 'c'}"),
        (r'{"to\u006ben": "val', r'{"to\u006ben": "[hidden]"'),
        ('{"credentials": ["a", "b"', '{"credentials": "[hidden]"'),
        ("Authorization: Bearer abc.def-0", "Authorization: Bearer [hidden]"),
        ("with Basic dXNlcjpwYXNz it", "with Basic [hidden] it"),
        ("a basic understanding of bearers", "a basic understanding of bearers"),
        ("?monkey=1&keyboard=2&query_key=accept", "?monkey=1&keyboard=2&query_key=accept"),
        ("no world has this key: create one", "no world has this key: create one"),
        ("?key=[redacted]", "?key=[redacted]"),
        ("?token=ab;cd&y=1", "?token=[hidden]&y=1"),
        ("?token=it'sab<c>\"d&y=1", "?token=[hidden]&y=1"),
        ("my+password=x;y", "my+password=[hidden]"),
        ("http://bob:it's@a.test/h#token=abc", "http://[hidden]@a.test/h#token=[hidden]"),
        ("?u=http://x?token=abc", "?u=http://x?token=[hidden]"),
        ("?u=http%3A%2F%2Fx%3Ftoken%3Dabc%26y=1", "?u=http://x?token=[hidden]&y=1"),
        (r"'http:\\\\me:pass@a.test'", r"'http:\\\\[hidden]@a.test'"),
        (r'{"u":"http:\/\/me:pass@a.test","b":"c@d"}', r'{"u":"http:\/\/[hidden]@a.test","b":"c@d"}'),
        ('{"u":"http://a.test","b":"c@d"}', '{"u":"http://a.test","b":"c@d"}'),
        (
            '{"u":"http://a.test?token=abc","b":["?token=it\'s"]}',
            '{"u":"http://a.test?token=[hidden]","b":["?token=[hidden]"]}',
        ),
        ("{'u': '?token=abc', 'v': ('?token=abc',)}", "{'u': '?token=[hidden]', 'v': ('?token=[hidden]',)}"),
        ("GET /x?token=abc; rule 3; '?token=abc'.", "GET /x?token=[hidden]; rule 3; '?token=[hidden]'."),
        ('<a href="?token=abc">b</a>', '<a href="?token=[hidden]">b</a>'),
        (json.dumps(json.dumps({"x": json.dumps({"password": "abc"})})), '"{"x": "{"password": "[hidden]"}"}"'),
        (
            '--b\r\nContent-Disposition: form-data; name="password"\r\nA: b\r\n\r\nx\r\ny\r\n--b--',
            '--b\r\nContent-Disposition: form-data; name="password"\r\nA: b\r\n\r\n[hidden]\r\n--b--',
        ),
        ("data:image/png;base64,aa/Key==", "data:image/png;base64,aa/Key=="),
    ],
)
def test_the_value_of_a_name_that_looks_like_a_secret_is_hidden(text: str, expected: str) -> None:
    """In queries, forms, URLs, JSON and Python, also where they are cut or spelled oddly; sentences stay as they are."""
    assert Redactor().text(text) == expected


@pytest.mark.parametrize(
    "piece",
    ["://", "token=", ";", "\\", "'", "://a@", "token=;", "%3D", "content-disposition: form-data; name=key\n", ":\\"],
)
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    """However often something begins in it that does not end."""
    started = time.perf_counter()
    Redactor().text(f"form-data @ = {piece * (50_000 // len(piece))}")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("key", True), ("x-api-key", True), ("apiKey", True), ("APIKEY", True), ("access_token", True), ("X-CSRFToken", True),
        ("client_secret", True), ("set-cookie", True), ("Webhook-Signature", True), ("dbPassword", True), ("credentials", True),
        ("monkey", False), ("keyword", False), ("prompt", False), ("author", False), ("idempotency-key", False), ("", False),
    ],
)  # fmt: skip
def test_names_that_look_like_secrets(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_members_are_hidden_at_any_depth() -> None:
    """Whatever their values are; null, true and the empty text tell nothing. A key shows that it was one."""
    value = {"a": [{"token": {"b": "c"}, "password": 7, "key": None, "secret": True}], "cookie": "", "auth": f"x {KEY}"}
    expected = {
        "a": [{"token": "[hidden]", "password": "[hidden]", "key": None, "secret": True}],
        "cookie": "",
        "auth": "[redacted]",
    }
    assert Redactor((KEY,)).json(value) == expected


def test_a_number_that_is_a_key_is_taken_out() -> None:
    """As JSON writes it; others stay, and so do true and false."""
    value = {"a": [12345678, 12345678.5, -1], "b": 1234567, "c": True}
    assert Redactor(("12345678",)).json(value) == {"a": ["[redacted]", "[redacted].5", -1], "b": 1234567, "c": True}


def test_no_member_is_lost() -> None:
    """Where two names are keys, or look like what stands for one."""
    value = {"canary-5f1d": 1, "k3y": 2, "[redacted] 2": 3}
    expected = {"[redacted]": "[hidden]", "[redacted] 2": 2, "[redacted] 2 3": 3}
    assert Redactor((KEY, "k3y")).json(value | {"canary-5f1d": 1}) == expected | {"[redacted]": 1}


def test_the_names_of_headers_hold_no_key() -> None:
    """Nobody's own name is lost over it."""
    headers = [(b"X-Canary-5f1d", b"a"), (b"Y-Canary-5f1d", b"b"), (b"host", b"c")]
    expected = {"x-[redacted]": "a", "y-[redacted]": "b", "host": "c"}
    assert Redactor((KEY,)).headers(headers) == expected


@pytest.mark.parametrize("size", [1, 4, 7, 10, 14])
@pytest.mark.parametrize("again", [20, 22, 25, 100])
def test_a_key_that_was_cut_while_a_text_was_shortened_is_taken_out(size: int, again: int) -> None:
    """Wherever it was cut, once or twice; what stands before and behind stays."""
    shown = beginning(f"a text {beginning(f'<< {KEY} and more', 3 + size)}", again)
    assert Redactor((KEY,)).text(f"{shown!r} is wrong").startswith("'a text << ")
    assert not re.search("ca?n?a?r?y?-", Redactor((KEY,)).text(shown))
    assert Redactor((KEY,)).text(f"{shown!r} is wrong").endswith("[cut]' is wrong")


def test_what_is_nested_deeply_is_not_shown() -> None:
    """Nobody looks for keys and secrets there."""
    deep: Any = {"token": "abc", "x": KEY}
    for _ in range(300):
        deep = [deep]
    reported = json.dumps(Redactor((KEY,)).json(deep))
    assert "abc" not in reported
    assert KEY not in reported
    assert "[hidden]" in reported


def test_a_key_that_cannot_be_encoded_is_taken_out() -> None:
    """It can be given in Python only."""
    assert Redactor(("half \ud800 of a pair",)).text("a half \ud800 of a pair") == "a [redacted]"


def test_headers_that_carry_keys_and_secrets() -> None:
    """Those that may hold a key say that one was there, others that something was hidden."""
    headers = [
        (b"Cookie", b"a"),
        (b"X-Auth-Token", b"b"),
        (b"X-Other", b"c canary-5f1d"),
        (b"X-Key", b"is canary-5f1d"),
    ]
    expected = {"cookie": "[redacted]", "x-auth-token": "[hidden]", "x-other": "c [redacted]", "x-key": "[redacted]"}
    assert Redactor((KEY,)).headers(headers) == expected


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (KEY, "a body and the canary-5f", "a body and the "),
        (KEY, "a body and the c", "a body and the "),
        (KEY, "all of canary-5f1d, then cana", "all of [redacted], then "),
        (KEY, "the end canary-5f1d", "the end [redacted]"),
        (KEY, "cut within a character \ufffd", "cut within a character "),
        (KEY, "something else", "something else"),
        (KEY, r"spelled \u0063anary-5", "spelled "),
        (KEY, r"spelled can\u00", "spelled "),
        (KEY, '{"password": "hunt', '{"password": "[hidden]"'),
        (ODD, "se%2", ""),
        (ODD, '"prompt": "se\\"c', '"prompt": "'),
        (ODD, 'it is se"cr', "it is "),
    ],
)
def test_a_key_that_was_cut_in_two_is_taken_out(key: str, text: str, expected: str) -> None:
    """Of a text that was cut short, whatever its end may be the beginning of is not shown, in JSON and in URLs, too."""
    assert Redactor((key,)).start(text) == expected


def test_a_key_is_known_as_often_as_it_was_added_and_for_a_while_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as so many others were not forgotten after it; then its memory is free."""
    monkeypatch.setattr("pixazo_simulator.spec.redaction.MOST_REMEMBERED", 1)
    redactor = Redactor((KEY, KEY))
    redactor.forget(KEY)
    redactor.forget(KEY)
    assert redactor.text(KEY) == "[redacted]"
    redactor.add("another-key")
    redactor.forget("another-key")
    assert (redactor.text(KEY), redactor.knows(KEY)) == (KEY, False)
    assert redactor.text("another-key") == "[redacted]"


def test_one_that_knows_more_leaves_the_first_as_it_is() -> None:
    first = Redactor((KEY,))
    second = first.with_keys("other-key-1", KEY)
    assert second.text(f"{KEY} other-key-1") == "[redacted] [redacted]"
    assert first.text(f"{KEY} other-key-1") == "[redacted] other-key-1"
    assert first.with_keys(KEY) is first


@pytest.mark.slow
@pytest.mark.parametrize("form", ["sim-test-{:016x}", "{:x}-0f9a8b7c6d5e", "k{}z"])
def test_ten_thousand_keys_are_taken_out(form: str) -> None:
    """The first, the last, and one in the middle; whether they begin alike, differ from their first character, or are short."""
    keys = [form.format(number * 7919) for number in range(10_000)]
    redactor = Redactor(keys)
    assert redactor.text(f"{keys[0]}, {keys[5000]} and {keys[-1]}") == "[redacted], [redacted] and [redacted]"
    assert redactor.text("A bear on minimax-hailuo-ai_019d4355") == "A bear on minimax-hailuo-ai_019d4355"


def test_no_word_of_ours_begins_as_the_keys_that_we_make() -> None:
    """So none is looked for among them."""
    assert "\nsim-" not in own_words()


def test_the_words_of_ours_are_those_of_the_code() -> None:
    """To mend the file run `.venv/bin/python -m tools.own_words`."""
    assert FILE.read_text(encoding="utf-8") == text() == own_words()


def test_a_very_long_key_is_taken_out() -> None:
    key = "".join(f"{number:04}-" for number in range(500))
    assert Redactor((key,)).text(f"a {key} b") == "a [redacted] b"


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).filter(
    lambda key: not key.isdigit() and key not in own_words()
)


@given(key=printable, others=st.lists(printable), before=st.text(), after=st.text())
def test_no_text_keeps_a_key(key: str, others: list[str], before: str, after: str) -> None:
    """Whatever stands around it, and whatever other keys there are; in none of the usual spellings."""
    redactor = Redactor((*others, key))
    for spelling in (key, json.dumps(key)[1:-1], repr(key)[1:-1], quote(key), quote(key, safe="")):
        assert spelling not in redactor.text(before + spelling + after).replace("[redacted]", "\0").replace(
            "[hidden]", "\0"
        )


def test_what_a_request_was_sent_with() -> None:
    """Keys as they stand in headers and query, in their own encoding and decoded; of other secrets only the longer ones."""
    headers = [
        (b"Authorization", b"Basic bWU6c2ltLWtleQ=="), (b"X-Api-Key", b"abc"), (b"X-Token", b"1"), (b"X-Session-Token", b"12345678"),
    ]  # fmt: skip
    assert sent_secrets(headers, "/a?Subscription-Key=a%2Fb+c&token=short&key=long-enough&x=y") == (
        ["Basic bWU6c2ltLWtleQ==", "bWU6c2ltLWtleQ==", "me", "sim-key", "abc", "a%2Fb+c", "a/b c"], ["12345678", "long-enough"],
    )  # fmt: skip


def test_the_secrets_of_a_request_are_taken_out_elsewhere_too() -> None:
    """A key as a key, another secret as what is hidden."""
    redactor = Redactor((KEY,)).with_request_secrets([(b"X-Api-Key", b"somebodys-key-91")], "/?token=long-enough")
    assert redactor.text("canary-5f1d, somebodys-key-91, long-enough") == "[redacted], [redacted], [hidden]"


def test_no_line_of_the_log_keeps_a_key(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever logs it, as long as somebody still uses the redactor."""
    log, secrets, redactor = logging.getLogger("test-redaction"), SecretFilter(), Redactor((KEY,))
    log.addFilter(secrets)
    secrets.add(redactor)
    log.warning("%s and %d%%", KEY, 5)
    log.warning("nothing")
    del redactor
    log.warning("%s", KEY)
    assert caplog.messages == ["[redacted] and 5%", "nothing", KEY]
