"""The page's own samples, with nothing but host and key replaced, get what the page prints.

Two of the eight are broken as printed: the Python sample of image-to-video says `true` and `false`, and the cURL sample of
text-to-video has an escaped apostrophe inside single quotes. That is shown here, and they are left out of the rest.
"""

from __future__ import annotations

import ast
import json
import re
import socket
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from pixazo_simulator.server.simulator import Simulator
from tests.caller import Caller
from tests.command import run_process
from tests.page import IMAGE, LANGUAGES, TEXT, blocks, sample
from tests.patience import PATIENCE
from tests.tools import tool

PARTS = (IMAGE, TEXT)
BROKEN = {(IMAGE, "Python"), (TEXT, "cURL")}
VENDOR = "https://gateway.pixazo.ai"
MASK = "019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
MASKED_ID = f"minimax-hailuo-ai_{MASK}"

Adapt = Callable[[str], str]


@pytest.fixture
def adapt(simulator: Simulator, caller: Caller) -> Adapt:
    """Replaces the vendor's host and the printed keys in a sample."""

    def replaced(text: str) -> str:
        keyed = re.sub("YOUR_SUBSCRIPTION_KEY|YOUR_API_KEY", caller.key, text)
        return keyed.replace(VENDOR, simulator.url)

    return replaced


def run_python(code: str) -> list[tuple[str, Any]]:
    """The members of the dict that a Python sample prints."""
    ended = run_process(sys.executable, "-", given=code)
    assert ended.returncode == 0, ended.stderr
    printed: dict[str, Any] = ast.literal_eval(ended.stdout)
    return list(printed.items())


def run_javascript(code: str) -> list[tuple[str, Any]]:
    """The members of the object that a JavaScript sample logs, all of them strings."""
    ended = run_process(tool("node"), "-", given=code)
    assert (ended.returncode, ended.stderr) == (0, "")
    logged = ended.stdout.strip()
    assert re.fullmatch(r"\{(\s*\w+: '[^']*',?)+\s*\}", logged), logged
    return re.findall(r"(\w+): '([^']*)'", logged)


def run_curl(code: str) -> list[tuple[str, Any]]:
    """The members of the JSON object that a cURL sample receives with a 202, which its `-v` shows."""
    tool("curl")
    ended = run_process(tool("bash"), given=code)
    assert ended.returncode == 0, ended.stderr
    assert "\n< HTTP/1.1 202 Accepted" in ended.stderr.replace("\r", "")
    return list(json.loads(ended.stdout).items())


def run_http(text: str) -> list[tuple[str, Any]]:
    """The members of the JSON object that an HTTP sample receives with a 202."""
    head, body = exchange(text)
    assert head.startswith("HTTP/1.1 202 Accepted\r\n")
    return list(json.loads(body).items())


def exchange(text: str) -> tuple[str, str]:
    """Send a printed request as it stands, with what HTTP/1.1 asks for besides; return head and body of the answer."""
    head, _, body = text.partition("\n\n")
    line, *headers = head.splitlines()
    host = urlsplit(line.split(" ")[1]).netloc
    framing = [f"Host: {host}", f"Content-Length: {len(body.encode())}", "Connection: close"]
    message = "\r\n".join([f"{line} HTTP/1.1", *headers, *framing, "", body])
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(message.encode())
        response = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head, _, body = response.partition("\r\n\r\n")
    return head, body


RUN = {"HTTP": run_http, "Python": run_python, "JavaScript": run_javascript, "cURL": run_curl}


def printed(block: str) -> re.Pattern[str]:
    """A pattern of the printed text in which every x of a masked id stands for one hexadecimal digit."""
    return re.compile(re.escape(block).replace(re.escape(MASK), re.escape(MASK).replace("x", "[0-9a-f]")))


@pytest.mark.parametrize(
    ("part", "language"),
    [(part, language) for part in PARTS for language in LANGUAGES if (part, language) not in BROKEN],
)
def test_a_sample_gets_the_printed_output(adapt: Adapt, part: str, language: str) -> None:
    """The answer is the Output block of the page, member for member, in its order, with the digits of the id filled in."""
    (output,) = blocks(part, "Output")
    members = RUN[language](adapt(sample(part, language)))
    assert printed(adapt(output)).fullmatch(json.dumps(dict(members), indent=2))
    reported = dict(members)
    assert reported["polling_url"].endswith(f"/v2/requests/status/{reported['request_id']}")


def test_every_sample_arrives_as_the_same_generation(adapt: Adapt, caller: Caller) -> None:
    """The gateway reads a sample as the page means it: the operation of its part, 6 s in 768P, charged to the sample's key."""
    for part in PARTS:
        run_http(adapt(sample(part, "HTTP")))
    submitted = [
        (each["operation"], each["duration"], each["resolution"]) for each in caller.sim("generations")["generations"]
    ]
    assert submitted == [("imageToVideo", 6, "768P"), ("generate", 6, "768P")]
    assert caller.sim("ledger")["balance"] == "99.30"


def test_the_printed_python_sample_of_image_to_video_is_broken(adapt: Adapt, caller: Caller) -> None:
    """The sample says `true` instead of `True`, so it ends with a NameError before anything is sent."""
    ended = run_process(sys.executable, "-", given=adapt(sample(IMAGE, "Python")))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("NameError: name 'true' is not defined")
    assert caller.sim("generations")["total"] == 0


def test_the_printed_curl_sample_of_text_to_video_is_broken(adapt: Adapt, caller: Caller) -> None:
    """The sample escapes an apostrophe inside single quotes, so the shell finds an unterminated quotation and sends nothing."""
    text = sample(TEXT, "cURL")
    assert r"bear\'s" in text
    ended = run_process(tool("bash"), given=adapt(text))
    assert ended.returncode == 2
    assert "unexpected EOF while looking for matching" in ended.stderr
    assert caller.sim("generations")["total"] == 0


@pytest.mark.parametrize("part", PARTS)
def test_the_status_curl_example_gets_the_printed_response(adapt: Adapt, caller: Caller, part: str) -> None:
    """With a real id, 15 s after the submit, the response has the printed members and times; only the media URL is on our own host."""
    request_id = caller.accepted()
    caller.advance(15)
    (example,) = blocks(part, "cURL Example")
    (completed,) = blocks(part, "Response (Completed)")
    tool("curl")
    ended = run_process(tool("bash"), given=adapt(example).replace(MASKED_ID, request_id))
    assert ended.returncode == 0, ended.stderr
    output, expected = json.loads(ended.stdout), json.loads(completed.replace(MASKED_ID, request_id))
    media_url = adapt(f"{VENDOR}/v1/{request_id}/output.mp4")
    expected["output"] = {"media_url": [media_url], "media_type": "video/mp4"}
    assert json.dumps(output, indent=2) == json.dumps(expected, indent=2)


@pytest.mark.parametrize("part", PARTS)
def test_the_status_endpoint_as_printed_gets_the_status(adapt: Adapt, caller: Caller, part: str) -> None:
    """The request under `Endpoint`, sent as it stands with a real id, is answered 200 QUEUED."""
    request_id = caller.accepted()
    (endpoint,) = blocks(part, "Endpoint")
    head, body = exchange(adapt(endpoint).replace("{request_id}", request_id))
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["status"] == "QUEUED"


@pytest.mark.parametrize("part", PARTS)
def test_the_printed_webhook_header_is_accepted(adapt: Adapt, caller: Caller, part: str) -> None:
    """The header under `Webhook (Optional)`, added to the HTTP sample, is taken; nothing is sent to a host beyond loopback."""
    (header,) = blocks(part, "Webhook (Optional)")
    line, _, rest = adapt(sample(part, "HTTP")).partition("\n")
    request_id = dict(run_http(f"{line}\n{header}\n{rest}"))["request_id"]
    (delivery,) = caller.sim("deliveries")["deliveries"]
    assert (delivery["request_id"], delivery["url"]) == (request_id, "https://your-server.com/webhook/callback")
    attempts = [event for event in caller.advance(15)["events"] if event["kind"] == "webhook"]
    assert [(each["status"], "your-server.com is not loopback" in each["problem"]) for each in attempts] == [
        (None, True)
    ]
