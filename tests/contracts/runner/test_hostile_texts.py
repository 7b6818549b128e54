"""What a gateway writes where a text or a URL belongs breaks neither the run nor a report."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

import pytest
from tests.contracts.fake_run import QUICK, observe
from tests.contracts.gateways.edits import accepted, envelope, having, output

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Terms, evaluate, to_json, to_ndjson
from pixazo_contracts.report import render_html, render_junit, render_terminal
from pixazo_contracts.runner import RunOptions
from pixazo_contracts.trace import load_trace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contracts.gateways.edits import Edit
    from tests.contracts.gateways.fake_gateway import Ask, Reply

HALF = "\ud83d"
"""Half a surrogate pair: a text cut in the middle of an emoji, which JSON can hold and UTF-8 cannot."""
TERMS = Terms(today=datetime.now(UTC).date())


def everywhere(text: str) -> Edit:
    """Append the text to every name and every text of every answer."""

    def more(value: object) -> object:
        if isinstance(value, dict):
            known = cast("dict[str, object]", value)
            return known | {f"{name}{text}": more(each) for name, each in known.items()}
        if isinstance(value, list):
            return [more(each) for each in cast("list[object]", value)]
        return f"{value}{text}" if isinstance(value, str) else value

    return lambda _, reply: replace(reply, value=more(reply.value))


def both(*edits: Edit) -> Edit:
    def edit(ask: Ask, reply: Reply) -> Reply:
        for each in edits:
            reply = each(ask, reply)
        return reply

    return edit


def urls(url: str) -> Edit:
    """Name this URL as the medium and as the status of each generation."""
    return both(envelope(output(media_url=[url]), "COMPLETED"), accepted(having(polling_url=url)))


@pytest.mark.parametrize(
    "edit",
    [
        envelope(lambda body: {**body, "status": f"{body['status']}{HALF}"}),
        accepted(lambda body: {**body, "request_id": f"{body['request_id']}{HALF}"}),
        envelope(output(**{f"more{HALF}": HALF, "media_type": f"video/mp4{HALF}"}), "COMPLETED"),
        everywhere(HALF),
        everywhere("\x00\x1b[31m\x85\ufffe\u202e"),
        *map(urls, ["http://[::1", f"http://a{HALF}/", "http://a\u2100b/", "http://127.0.0.1:99999/", "http://\n/"]),
    ],
    ids=["status", "request_id", "output", "all halves", "all controls", "IPv6", "half", "NFKC", "port", "line feed"],
)  # fmt: skip
def test_odd_texts(tmp_path: Path, edit: Edit) -> None:
    """Every probe and every clause comes to its end, every report is written, and the trace is judged alike from its file."""
    path = tmp_path / "trace.ndjson"
    trace = observe(probes=QUICK, edit=edit, options=RunOptions(run="testrun0", trace_path=path)).trace
    assert trace.footer is not None
    assert [state for state in trace.footer.probes.values() if state.startswith("error")] == []
    result = evaluate(trace, CATALOGUE, TERMS)
    assert "ERROR" not in result.summary.outcomes
    assert evaluate(load_trace(path), CATALOGUE, TERMS) == result
    ET.fromstring(render_junit(result))
    for text in (render_html(result).encode(), render_terminal(result).encode(), to_json(result), to_ndjson(result)):
        assert b"\x1b" not in text
        assert text.decode()
    assert json.loads(to_json(result))["exit_code"] == result.exit_code
