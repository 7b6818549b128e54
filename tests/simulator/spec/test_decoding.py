"""Reading JSON into a shape, and what is said about what does not fit."""

from __future__ import annotations

import pytest

from pixazo_simulator.control.schema.requests import Advance, DryRun, JournalFilter, NewScript, NewWorld, Wait
from pixazo_simulator.script.rule import Rule
from pixazo_simulator.spec.decoding import InvalidDataError, fit, read

KINDS = "status_code, html_page, delay, uniform_delay, "


@pytest.mark.parametrize(
    ("shape", "text", "says"),
    [
        (Advance, '{"secs": 1}', "unknown field `secs` (did you mean seconds?); known members are seconds"),
        (NewWorld, '{"ballance": "1"}', "`ballance` (did you mean balance?); known members are key, balance, profile"),
        (NewScript, '{"rules": [{"when": "status", "tmes": 1}]}', "rules[0].tmes: unknown field `tmes` (did you mean times?); known members are reply,"),
        (
            Rule, '{"when": "status", "then": [{"reply": {"status": 500, "txt": ""}}]}',
            "then[0].reply.txt: unknown field `txt` (did you mean text?); known members are status, json, text, headers, retry_after",
        ),
        (
            Rule, '{"when": "status", "faults": [{"fault": "hang"}, {"fault": "delay", "secs": 3}]}',
            "faults[1].secs: unknown field `secs` (did you mean seconds?); known members are fault, seconds",
        ),
        (
            NewWorld, '{"script": [{"when": "status", "faults": [{"fault": "conection_reset"}]}]}',
            f"script[0].faults[0].fault: fault 'conection_reset' does not exist (did you mean connection_reset?); known are {KINDS}",
        ),
        (NewWorld, '{"images": {"x": {"formt": "png"}}}', "images[...]: `format` is missing: add it"),
        (Wait, '{"exchanges": {"statu": 1}}', "exchanges.statu: unknown field `statu` (did you mean status?); known members are after, operation,"),
        (Advance, '{"a`b": 1}', "unknown field `a`b`; known members are seconds"),
        (Advance, '{"seconds": "1"}', "seconds '1': give a number"),
        (Advance, '{"seconds": "1", }', "seconds: give a number"),
        (Rule, '{"when": "status", "times": 0}', "times 0: give an integer of at least 1"),
        (Rule, '{"when": "status", "times": "x"}', "times 'x': give an integer or null"),
        (Rule, '{"when": "status", "faults": [{"fault": "delay", "seconds": -1}]}', "faults[0].seconds -1: give a number of at least 0"),
        (NewWorld, '{"images": {"x": 5}}', "images[...]: give an object"),
        (DryRun, '{"method": "G T", "path": "/"}', "method 'G T': give an HTTP method"),
        (DryRun, '{"method": "GET", "path": "a"}', "path 'a': give path and query, percent-encoded, that begin with '/', or a full URL"),
        (Advance, "{\n", "it is not valid JSON: Expecting property name enclosed in double quotes at line 2, column 1"),
        (Advance, "seconds=15", "it is form data: send a JSON object"),
        (Advance, '{"after": "\\ud800"}', "unknown field `after`"),
        (Advance, '{"after": ' + "[" * 50_000, "unknown field `after`"),
        (dict, '{"a": ' + "[" * 50_000, "it is nested too deeply"),
        (dict, '{"a": "\\ude00\\ud83d"}', "a string contains an unpaired surrogate"),
        (Rule, '{"when": "status", "faults": [{"fault": "wrong_content_type", "content_type": "text/html\\n"}]}', "faults[0].content_type"),
        (Advance, "", "give one of seconds and until"),
        (NewWorld, '{"generations": [{"status": "FAILD"}]}', "generations[0].status 'FAILD': give COMPLETED or ERROR or FAILED"),
        (NewScript, "", "`rules` is missing: add it"),
    ],
)  # fmt: skip
def test_the_error_of_a_misfit_names_its_place_and_the_nearest_name(shape: type, text: str, says: str) -> None:
    """This holds however deep it stands, and whatever comes after it."""
    with pytest.raises(InvalidDataError) as raised:
        read(text.encode(), shape)
    assert says in str(raised.value)


def test_what_fits_is_read() -> None:
    """Nothing at all is an object without members."""
    assert read(b'{"seconds": 1.5}', Advance) == Advance(1.5)
    assert read(b"", NewWorld) == NewWorld()


def test_a_query_is_read_from_texts() -> None:
    """Numbers are numbers, texts stay texts."""
    read_as = fit({"limit": "5", "path": "5"}, JournalFilter, strict=False)
    assert (read_as.limit, read_as.path) == (5, "5")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"limit": "0"}, "limit '0': give an integer of at least 1"),
        ({"limit": "x" * 50}, f"limit '{'x' * 20}[cut]': give an integer"),
        (
            {"lmit": "1"},
            "unknown field `lmit` (did you mean limit?); known members are method, path, status, operation, request_id, rule, text, after, before, limit",
        ),
    ],
)
def test_the_error_of_a_query_that_does_not_fit_shows_its_value(given: dict[str, str], says: str) -> None:
    """It names the nearest known name, too."""
    with pytest.raises(InvalidDataError) as raised:
        fit(given, JournalFilter, strict=False)
    assert says in str(raised.value)
