"""A request as code: what cURL, Python and JavaScript send when the printed program is run is that request, byte for byte."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller
from tests.command import environment, run_process
from tests.inprocess import InProcess
from tests.page import IMAGE, TEXT, sample
from tests.receiver import Receiver, http_response
from tests.simulator.server.console.visitor import Visitor
from tests.tools import tool

from pixazo_simulator import Delay, Rule, Settings
from pixazo_simulator.server.console.exports import SAMPLES, snippets

KEY = "a-key $HOME `id`"
HOSTILE = json.dumps(
    {"prompt": "it's \"quoted\" $HOME ${HOME} `id` $(id) \\n \\ %s {x} </script> ! \u00e4\u20ac\u2028\U0001f600 '''"},
    ensure_ascii=False,
    indent=2,
)
RUN: dict[str, Callable[[str], tuple[str, ...]]] = {
    "cURL": lambda program: (tool("curl") and "sh", "-c", program),
    "Python": lambda program: (sys.executable, "-c", program),
    "JavaScript": lambda program: (tool("node"), "--input-type=module", "-e", program),
}


def run(language: str, program: str, url: str, folder: Path) -> str:
    """What a program prints."""
    kept = environment(PIXAZO_BASE_URL=url, PIXAZO_API_KEY=KEY)
    ran = run_process(*RUN[language](program), env=kept, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "body"),
    [*(pytest.param(language, HOSTILE, id=language) for language in RUN), ("cURL", "@/etc/passwd"), ("cURL", "-x")],
)
def test_the_printed_program_sends_the_request(language: str, body: str, tmp_path: Path) -> None:
    """Whatever stands in it, also where a shell or a template would replace it, or cURL would read a file or an option."""
    with Receiver(http_response(202, b"taken")) as gateway:
        origin = gateway.url.removesuffix("/hook")
        printed = run(language, snippets(GENERATE, body)[language], origin, tmp_path)
        (got,) = gateway.received
    assert got.line.split()[:2] == ["POST", GENERATE]
    assert got.body == body.encode()
    assert got.headers[KEY_HEADER.lower()] == KEY
    assert got.headers["content-type"] == "application/json"
    assert "taken" in printed


def test_the_samples_are_those_of_the_page() -> None:
    """Of the long prompt only the first sentence."""
    for operation, part in (("generate", TEXT), ("imageToVideo", IMAGE)):
        body, printed = SAMPLES[operation], sample(part, "HTTP")
        theirs = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])
        assert {**body, "prompt": ""} == {**theirs, "prompt": ""}
        assert theirs["prompt"].startswith(body["prompt"])


@pytest.mark.parametrize("operation", SAMPLES)
def test_the_form_of_a_sample_is_accepted(operation: str) -> None:
    """As it stands on the page, by a world that has just begun; the page waits for no delay."""
    with InProcess(Settings(script=(Rule(when="submit", faults=(Delay(3600),)),))) as send:
        caller, asked = Caller(send, "sim-key"), Visitor(send)
        page = asked.get(f"/worlds/1/try?operation={operation}").body.decode()
        assert f'<input type="hidden" name="operation" value="{operation}">' in page
        reply = asked.post("/worlds/1/send", {"operation": operation, "body": json.dumps(SAMPLES[operation])})
        assert reply.headers["hx-redirect"] == "/_sim/console/worlds/1/requests/1"
        assert caller.sim("journal")["exchanges"][0]["status"] == 202
