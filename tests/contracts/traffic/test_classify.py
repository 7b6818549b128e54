"""A request in passing is evidence for the clauses that a probe would send it for, and for none that a right gateway may break."""

from __future__ import annotations

import json

import pytest

from pixazo_contracts.probes import data_url, png
from pixazo_contracts.probes.families import MALFORMED, NOT_OBJECTS, ODD_INPUT, RULES, Case
from pixazo_contracts.trace import KEY_HEADER, MODEL, STATUS_BASE
from pixazo_contracts.traffic import Classified, classify, read_body

ORIGIN = "https://gateway.pixazo.ai"
KEYED = ((KEY_HEADER, "a-key-of-the-app"), ("Content-Type", "application/json"), ("Cache-Control", "no-cache"))
ISSUED = f"{MODEL}_019d1111-2222-7333-8444-555566667777"

RULES_BUT_ON_BYTES = [rule for rule in RULES if rule.clause != "I2V-IMG-08"]
FORBIDDEN = [(rule.clause, case) for rule in RULES_BUT_ON_BYTES for case in rule.cases(rule.forbidden, "refuse")]
ALLOWED = [(rule.clause, case) for rule in RULES_BUT_ON_BYTES for case in rule.cases(rule.allowed, "accept")]


def _sent(operation: str, body: bytes, headers: tuple[tuple[str, str], ...] = KEYED) -> Classified:
    return classify("POST", f"/minimax-hailuo-ai/v1/{operation}", headers, body, ORIGIN)


def _read(request_id: str, headers: tuple[tuple[str, str], ...] = KEYED) -> Classified:
    return classify("GET", f"{STATUS_BASE}{request_id}", headers, None, ORIGIN, issued={ISSUED})


@pytest.mark.parametrize(("clause", "case"), FORBIDDEN, ids=lambda value: getattr(value, "name", value))
def test_what_a_probe_sends_to_be_refused_is_to_be_refused_in_passing(clause: str, case: Case) -> None:
    said = _sent(case.operation, case.encoded())
    assert (said.aims, said.intent) == ((clause,), "refuse")


@pytest.mark.parametrize(("clause", "case"), ALLOWED, ids=lambda value: getattr(value, "name", value))
def test_what_a_probe_sends_to_be_accepted_is_to_be_accepted_in_passing(clause: str, case: Case) -> None:
    assert _sent(case.operation, case.encoded()).intent == "accept"


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ({}, "I2V-PROMPT-02 I2V-IMG-03"),
        ({"prompt": "a" * 2000, "duration": 10}, "I2V-PROMPT-02 I2V-PROMPT-03 I2V-DUR-02 I2V-IMG-03"),
        ({"prompt": "\u96e8" * 667, "resolution": "1080P"}, "I2V-PROMPT-02 I2V-PROMPT-05 I2V-RES-01 I2V-IMG-03"),
        ({"prompt": "A boat [Pan left]"}, "I2V-PROMPT-02 I2V-PROMPT-06 I2V-IMG-03"),
        ({"prompt": "A boat ["}, "I2V-PROMPT-02 I2V-IMG-03"),
        ({"first_frame_image": png(640, 480)}, "I2V-PROMPT-02 I2V-IMG-04 I2V-IMG-06"),
        ({"first_frame_image": png(301, 301)}, "I2V-PROMPT-02 I2V-IMG-04 I2V-IMG-06 I2V-IMG-10"),
        ({"first_frame_image": png(302, 755)}, "I2V-PROMPT-02 I2V-IMG-04 I2V-IMG-06 I2V-IMG-12"),
    ],
)
def test_what_an_accepted_body_shows(members: dict[str, object], shown: str) -> None:
    image = members.get("first_frame_image", "https://example.com/a.jpg")
    url = data_url("image/png", image) if isinstance(image, bytes) else image
    body = json.dumps({"prompt": "A boat", **members, "first_frame_image": url}).encode()
    assert read_body("imageToVideo", body).shown == shown.split()


@pytest.mark.parametrize(
    ("clause", "case"),
    [(rule.clause, case) for rule in RULES for case in rule.cases(rule.left_open, "any")],
    ids=lambda value: getattr(value, "name", value),
)
def test_what_the_page_leaves_open_is_left_open(clause: str, case: Case) -> None:
    said = _sent(case.operation, case.encoded())
    assert said.intent == "any"
    assert clause in said.aims or clause == "I2V-PROMPT-03"


@pytest.mark.parametrize("body", [*MALFORMED.values(), *NOT_OBJECTS.values()], ids=[*MALFORMED, *NOT_OBJECTS])
def test_what_is_no_json_object_is_to_be_refused(body: bytes) -> None:
    assert _sent("generate", body).aims == ("SUBMIT-16" if body in MALFORMED.values() else "SUBMIT-17",)


@pytest.mark.parametrize("body", ODD_INPUT.values(), ids=ODD_INPUT)
def test_odd_input_decides_nothing(body: bytes) -> None:
    assert _sent("generate", body).intent == "any"


def test_a_key_that_is_refused_says_nothing_of_the_body() -> None:
    said = _sent("imageToVideo", b"{}")
    assert said.intent == "refuse"
    assert said.settled(401, b"{}").aims == ()
    assert said.settled(400, b"{}").aims == said.aims


def test_a_submit_without_a_key_is_to_be_refused_for_that_only_if_nothing_else_is_wrong() -> None:
    typed = (("Content-Type", "application/json"),)
    assert _sent("generate", json.dumps({"prompt": "A boat"}).encode(), typed).aims == ("AUTH-01",)
    assert _sent("generate", b"{}", typed).aims == ("AUTH-08",)


def test_an_id_from_before_the_trace_may_be_served() -> None:
    said = _read(f"{MODEL}_019d9999-2222-7333-8444-555566667777")
    assert said.aims == ("STATUS-10",)
    assert said.settled(200, b"{}").aims == ()
    assert said.settled(404, b"{}").aims == ("STATUS-10",)
    assert _read(ISSUED).aims == ()


def test_a_placeholder_of_the_page_was_issued_by_nobody() -> None:
    said = _read(f"{MODEL}_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
    assert said.settled(200, b"{}").aims == ("STATUS-10",)


def test_an_id_of_another_model_and_another_path_are_nobodys_business() -> None:
    assert _read("flux_019d9999-2222-7333-8444-555566667777").aims == ()
    assert classify("POST", "/flux/v1/generate", KEYED, b"{}", ORIGIN).operation == "elsewhere"


def test_an_image_that_nobody_here_has_seen_may_be_refused() -> None:
    body = json.dumps({"prompt": "A boat", "first_frame_image": "https://example.com/a.jpg"}).encode()
    said = _sent("imageToVideo", body)
    assert said.settled(202, b"{}").intent == "accept"
    assert said.settled(400, b"{}").intent == "any"


def test_a_server_that_fails_says_nothing_of_the_body() -> None:
    said = _sent("generate", b'{"prompt": "A boat"}')
    assert said.aims
    assert said.settled(502, b"<html>").aims == ()


def test_what_a_body_breaks_comes_in_the_order_in_which_it_is_judged() -> None:
    body = b'{"prompt": "A boat", "callback_url": 5, "aigc_watermark": "yes"}'
    assert _sent("generate", body).aims == ("T2V-WM-01", "T2V-CB-01")
