"""Files of webhooks."""

from __future__ import annotations

import json

import pytest

from pixazo_simulator.cli.listen.callback import Callback, read_saved, saved_line

from .listening import NOW


def sent(body: bytes = b"{}", target: str = "/hook?a=b", **headers: str) -> Callback:
    """A webhook."""
    written = tuple((name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items())
    return Callback(at=NOW, method="PUT", target=target, headers=written, body=body)


@pytest.mark.parametrize("body", [b"", b'{"a": "\xc3\xa9"}', b"\x00\x1b[2K\n\r\x7f", b"\xff\xfe", bytes(range(256))])
def test_what_is_saved_is_read_back(body: bytes) -> None:
    callback = sent(body, content_type="application/json", x_odd="\xe9\t\x80", webhook_signature="v1,abc")
    line = saved_line(callback)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert list(read_saved([line])) == [callback]


def test_a_line_has_no_secret() -> None:
    """Neither a header that is one, nor a parameter of the path, nor a header that repeats it; a signature is none."""
    callback = sent(
        target="/hook?token=canary-1",
        x_original_url="/hook?of=canary-1",
        authorization="Bearer canary-2",
        ocp_apim_subscription_key="canary-3",
        cookie="canary-4",
        x_api_key="canary-5",
        webhook_signature="v1,abc",
    )
    line = saved_line(callback)
    assert b"canary" not in line
    assert json.loads(line) == {
        "time": "2026-03-31T10:00:15.000Z",
        "method": "PUT",
        "path": "/hook?token=[hidden]",
        "headers": {"x-original-url": "/hook?of=[hidden]", "webhook-signature": "v1,abc"},
        "body": "{}",
    }


def test_headers_of_one_name_are_joined() -> None:
    """As a recipient may do (RFC 9110, 5.3)."""
    callback = Callback(at=NOW, method="POST", target="/", headers=((b"x-a", b"1"), (b"x-a", b"2")), body=b"")
    assert json.loads(saved_line(callback))["headers"] == {"x-a": "1, 2"}


def test_a_line_by_hand_needs_no_more_than_a_body() -> None:
    """Empty lines are skipped; header names may be in any case."""
    lines = [b"\n", b'{"body": "a"}\n', b"  \n", b'{"headers": {"X-A": "1"}}']
    assert list(read_saved(lines)) == [
        Callback(at=0, method="POST", target="/", headers=(), body=b"a"),
        Callback(at=0, method="POST", target="/", headers=((b"x-a", b"1"),), body=b""),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "it is not valid JSON: Expecting property name enclosed in double quotes at column 2"),
        (b"[]", "[]: give an object"),
        (b'{"bodi": ""}', "bodi: unknown field `bodi` (did you mean body?); known members are time, method, path, headers, body, body_base64"),
        (b'{"body": 1}', "body 1: give a string"),
        (b'{"method": "GET"}', "method 'GET': give POST or PUT"),
        (b'{"time": "today"}', "time 'today' is not an instant such as 2026-03-31T10:00:00Z"),
        (b'{"body": "", "body_base64": ""}', "it has body and body_base64: give one of them"),
        (b'{"headers": {"X-A": "\\u20ac"}}', "header 'X-A': '\\u20ac': give ASCII as its name and characters of ISO 8859-1 as its value"),
        (b'{"body_base64": "?"}', "body_base64: Invalid base64 encoded string"),
        (b'{"body_base64": "\\u20ac"}', "body_base64: Invalid base64 encoded string"),
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_named(line: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2: ") as caught:
        list(read_saved([b"{}\n", line]))
    assert str(caught.value) == f"line 2: {says}"
