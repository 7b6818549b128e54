"""What a gateway writes where a text or a URL belongs breaks neither the run nor a report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast
from xml.etree import ElementTree as ET

import pytest
from tests.contracts.fake_run import QUICK, observe, some
from tests.contracts.gateways.edits import accepted, envelope, having, output

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.judge import Terms, evaluate, to_json, to_ndjson
from pixazo_contracts.report import render_html, render_junit, render_terminal
from pixazo_contracts.runner import RunOptions
from pixazo_contracts.trace import load_trace
from pixazo_html.texts import UNSEEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contracts.gateways.edits import Edit
    from tests.contracts.gateways.fake_gateway import Ask, Reply

HALF = "\ud83d"
"""Half a surrogate pair: a text cut in the middle of an emoji, which JSON can hold and UTF-8 cannot."""
FORGED = "\nPASS STATUS-01  forged\u061c\u00ad\u2028\ufff9\ufe0f\U000e0041\U000e0100\U0010ffff\\u202e"
"""Further lines, and of each kind of character that is not seen one."""
VALUE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|…$)')
"""A JSON string in a finding; one that is too long has no end."""
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


def instead(text: str) -> Edit:
    """Append the text to every value and header, except for what a probe must read to go on."""

    def more(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: more(each, key) for key, each in cast("dict[str, object]", value).items()}
        if isinstance(value, list):
            return [more(each) for each in cast("list[object]", value)]
        return f"{value}{text}" if isinstance(value, str) and name not in {"request_id", "status"} else value

    line = text.encode("ascii", "backslashreplace").decode().replace("\n", " ")
    headers = {"www-authenticate": line, "allow": line, "retry-after": line, "content-type": f"application/json{line}"}
    return lambda _, reply: replace(reply, value=more(reply.value), headers={**reply.headers, **headers})


def both(*edits: Edit) -> Edit:
    def edit(ask: Ask, reply: Reply) -> Reply:
        for each in edits:
            reply = each(ask, reply)
        return reply

    return edit


def urls(url: str) -> Edit:
    """Name this URL as the medium and as the status of each generation."""
    return both(envelope(output(media_url=[url]), "COMPLETED"), accepted(having(polling_url=url)))


ODD: dict[str, Edit] = {
    "forged values": instead(FORGED),
    "all halves": everywhere(HALF),
    "port": urls("http://127.0.0.1:99999/"),
    "forged names": everywhere(FORGED),
    "all controls": everywhere("\x00\x1b[31m\x85\ufffe\u202e"),
    "status": envelope(lambda body: {**body, "status": f"{body['status']}{HALF}"}),
    "request_id": accepted(lambda body: {**body, "request_id": f"{body['request_id']}{HALF}"}),
    "output": envelope(output(**{f"more{HALF}": HALF, "media_type": f"video/mp4{HALF}"}), "COMPLETED"),
    "IPv6": urls("http://[::1"),
    "half": urls(f"http://a{HALF}/"),
    "NFKC": urls("http://a\u2100b/"),
    "line feed": urls("http://\n/"),
}


@pytest.mark.slow
@pytest.mark.parametrize("edit", some(ODD, 1))
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
    files = (render_junit(result), render_html(result).encode(), to_json(result), to_ndjson(result), path.read_bytes())
    for text in (render_terminal(result), *map(bytes.decode, files)):
        assert [line for line in text.split("\n") if not line.isprintable() or not UNSEEN.isdisjoint(line)] == []
        assert [line for line in text.split("\n") if line.startswith("PASS")] == []
    assert json.loads(to_json(result))["exit_code"] == result.exit_code
    for verdict in result.verdicts:
        said = [verdict.observation or "", *(part for each in verdict.findings for part in (each.expected, each.got))]
        assert [text for text in said if "forged" in VALUE.sub("", text)] == []
