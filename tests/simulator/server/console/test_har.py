"""The journal as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/): every member that it demands, no key, any text."""

from __future__ import annotations

import json
import re
from datetime import datetime
from importlib.metadata import version
from typing import Any, cast
from urllib.parse import quote, urlsplit

import pytest
from tests.caller import GENERATE, Caller
from tests.inprocess import ADDRESS, InProcess
from tests.simulator.server.console.visitor import HOSTILE, Visitor, live

KEY = "sim-key"
ENTRY: Any = {
    "startedDateTime": str, "time": int, "cache": dict, "comment": str, "timings": {"send": int, "wait": int, "receive": int},
    "request": {
        "method": str, "url": str, "httpVersion": str, "cookies": list, "headers": list, "queryString": list, "headersSize": int,
        "bodySize": int,
    },
    "response": {
        "status": int, "statusText": str, "httpVersion": str, "cookies": list, "headers": list, "redirectURL": str, "headersSize": int,
        "bodySize": int, "content": {"size": int, "mimeType": str, "text": str},
    },
}  # fmt: skip
"""The members of an entry, and their types; all of those that HAR demands are among them."""
POSTED: Any = {"mimeType": str, "text": str}


def fits(value: Any, shape: Any) -> bool:
    """Whether an object has these members, of these types, and no others."""
    if not isinstance(shape, dict):
        return type(value) is shape
    if not isinstance(value, dict):
        return False
    members = cast("dict[str, Any]", shape)
    given = cast("dict[str, Any]", value)
    return given.keys() == members.keys() and all(fits(given[each], members[each]) for each in members)


@pytest.fixture(scope="module")
def document() -> Any:
    """The HAR of a world in which something of everything has happened."""
    with InProcess() as send:
        caller = Caller(send, KEY)
        live(caller)
        caller.call("POST", GENERATE, {"prompt": "A bear"}, {"Cookie": "a=b", "Authorization": "Bearer hunter2-S3cr3t"})
        reply = Visitor(send).get("/worlds/1/requests.har")
        assert reply.headers["content-disposition"] == 'attachment; filename="world-1.har"'
        assert reply.headers["content-type"] == "application/json"
        return reply.json()


def test_it_is_har(document: Any) -> None:
    """Version, creator and entries, each with the members that are demanded."""
    log = document["log"]
    assert document.keys() == {"log"}
    assert log.keys() == {"version", "creator", "entries"}
    assert (log["version"], log["creator"]) == ("1.2", {"name": "pixazo-sim", "version": version("pixazo-testkit")})
    assert len(log["entries"]) == 9
    for entry in log["entries"]:
        request = dict(entry["request"])
        posted = request.pop("postData", None)
        assert fits({**entry, "request": request}, ENTRY)
        assert posted is None or fits(posted, POSTED)
        assert (posted is None) == (request["bodySize"] == 0)
        for named in (*request["headers"], *request["queryString"], *entry["response"]["headers"]):
            assert fits(named, {"name": str, "value": str})
        assert datetime.fromisoformat(entry["startedDateTime"]).utcoffset() is not None
        assert entry["time"] == sum(entry["timings"].values())


def test_what_was_sent_and_answered_stands_in_it(document: Any) -> None:
    """In the order in which it came."""
    first, *_ = document["log"]["entries"]
    assert first["startedDateTime"] == "2026-03-31T10:00:00.000Z"
    assert first["request"]["url"] == f"http://{ADDRESS}{GENERATE}"
    assert (first["request"]["method"], first["response"]["status"]) == ("POST", 202)
    assert first["response"]["statusText"] == "Accepted"
    assert json.loads(first["request"]["postData"]["text"]) == {"prompt": "A bear"}
    assert json.loads(first["response"]["content"]["text"])["status"] == "QUEUED"
    assert first["comment"].startswith("accepted minimax-hailuo-ai_")


def test_every_url_is_one_and_no_member_of_a_query_is_lost(document: Any) -> None:
    """Characters that may not stand in a URL are encoded, those that already are stay so."""
    urls: list[str] = [each["request"]["url"] for each in document["log"]["entries"]]
    assert all(re.fullmatch(r"[!-~]+", each) and urlsplit(each).netloc == ADDRESS for each in urls)
    (odd,) = [each["request"] for each in document["log"]["entries"] if "/nowhere" in each["request"]["url"]]
    assert odd["url"] == f"http://{ADDRESS}/nowhere/{quote(chr(0) + chr(27) + '<script>')}?a=%ff&a=2&%3Cb%3E"
    assert [(each["name"], each["value"]) for each in odd["queryString"]] == [("a", "\ufffd"), ("a", "2"), ("<b>", "")]


def test_no_key_and_no_secret_stands_in_it(document: Any) -> None:
    assert KEY not in json.dumps(document)
    assert "hunter2" not in json.dumps(document)
    headers = document["log"]["entries"][0]["request"]["headers"]
    assert {"name": "ocp-apim-subscription-key", "value": "[redacted]"} in headers


def test_texts_that_mean_harm_are_what_they_were(document: Any) -> None:
    """It is JSON for programs: nothing is escaped but by JSON."""
    prompts = [json.loads(each["request"]["postData"]["text"])["prompt"] for each in document["log"]["entries"][-2:-1]]
    assert prompts == [HOSTILE]


def test_only_what_passes_the_filters_is_downloaded() -> None:
    """As on the page from which it is loaded."""
    with InProcess() as send:
        live(Caller(send, KEY))
        asked = Visitor(send)
        for query, count in (("status=400", 2), ("operation=status", 2), ("text=nobody+says+this", 0)):
            assert len(asked.get(f"/worlds/1/requests.har?{query}").json()["log"]["entries"]) == count


def test_what_was_never_answered_has_status_0() -> None:
    """HAR has no other word for it."""
    with InProcess() as send:
        caller = Caller(send, KEY)
        rule = {"when": "generate", "faults": [{"fault": "empty_reply"}]}
        assert caller.call("POST", "/_sim/script/rules", rule).status == 201
        Visitor(send).post("/worlds/1/send", {"operation": "generate", "body": '{"prompt": "A bear"}'})
        (entry,) = Visitor(send).get("/worlds/1/requests.har").json()["log"]["entries"]
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (0, "")
