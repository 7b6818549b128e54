"""A test that fails shows its world, with commands that repeat its requests, and never a key."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.caller import KEY_HEADER, Caller
from tests.patience import PATIENCE

from pixazo_simulator.control import Exchange, curl, from_json
from pixazo_simulator.server.simulator import Simulator

PLANTED = "hunter2-S3cr3t"
"""The value of names that look like secrets."""

FAILING = """
import httpx2
import pytest

@pytest.mark.pixazo(seed=7)
def test_bear(pixazo, pixazo_client, tmp_path_factory):
    with open("keys.txt", "a") as keys:
        print(pixazo.api_key, file=keys)
    pixazo.when("status").reply(429, times=1)
    handle = pixazo_client.generate("A bear " + pixazo.api_key, webhook_url="http://127.0.0.1:9/" + pixazo.api_key)
    handle.status()
    pixazo.clock.advance(20)
    httpx2.get(pixazo.url + "/v2/elsewhere?subscription-key=" + pixazo.api_key, headers={"Authorization": "Bearer " + pixazo.api_key})
    httpx2.post(pixazo.url + "/v2/elsewhere", headers={"Ocp-Apim-Subscription-Key": "canary-of-an-unknown-key"})
    assert handle.status().status == "FAILED", pixazo.journal
"""

PLANTING = f"""
import pathlib

{FAILING.replace("    assert handle", "    plant(pixazo, pathlib.Path('planted.txt').read_text)" + chr(10) + "    assert handle")}

def plant(pixazo, planted):
    named = {{"X-Auth-Token": planted(), "X-Webhook-URL": f"http://me:{{planted()}}@127.0.0.1:9/?token={{planted()}}", "Ocp-Apim-Subscription-Key": pixazo.api_key}}
    body = {{"prompt": "A bear", "apiKey": planted(), "key": pixazo.api_key}}
    pixazo.when("generate", headers={{"x-auth-token": "not " + planted(), "x-any": "not " + pixazo.api_key}}).reply(500)
    httpx2.post(pixazo.url + "/minimax-hailuo-ai/v1/generate?sig=" + planted(), json=body, headers=named)
"""


def test_sections(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Journal with reasons and rules, calls without a world, script, callbacks, commands, seed, strictness: in this order."""
    result = run_tests(FAILING)
    result.assert_outcomes(failed=1)
    request = "minimax-hailuo-ai_????????-????-7???-????-????????????"
    result.stdout.fnmatch_lines(
        [
            "*- pixazo journal -*",
            f"1  10:00:00.000  POST /minimax-hailuo-ai/v1/generate *  202 accepted {request}",
            f"2  10:00:00.000  GET /v2/requests/status/{request}  429 *rule 1: when status",
            f"3  10:00:01.*  GET /v2/requests/status/{request}  200 status",
            "*- pixazo unmatched requests -*",
            "*  POST /v2/elsewhere * 404 *",
            "*- pixazo script -*",
            "rule 1: when status: used 1 time",
            "*- pixazo webhooks -*",
            f"1  10:00:15.000  POST http://127.0.0.1:9/[[]redacted]  about {request}: *",
            "*- pixazo requests as commands -*",
            'curl -sS *--data-raw \'{"prompt": "A bear [[]redacted]"}\' "$PIXAZO_BASE_URL"/minimax-hailuo-ai/v1/generate',
            "*- pixazo seed -*",
            '7 (to repeat it anywhere: @pytest.mark.pixazo(seed=7, start="2026-03-31T10:00:00Z"))',
            "*- pixazo strictness -*",
        ]
    )


@pytest.mark.parametrize("options", [(), ("-vv", "--showlocals"), ("--junitxml=out.xml",)])
def test_no_key_is_ever_shown(
    pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult], options: tuple[str, ...]
) -> None:
    """Neither the key of the world nor any other secret stands in the output, though the app puts it everywhere."""
    (pytester.path / "planted.txt").write_text(PLANTED)
    result = run_tests(PLANTING, *options)
    key = (pytester.path / "keys.txt").read_text().strip()
    assert re.fullmatch(r"sim-test-[0-9a-f]{16}", key)
    report = pytester.path / "out.xml"
    shown = result.stdout.str() + result.stderr.str() + (report.read_text() if report.exists() else "")
    assert "pixazo journal" in shown
    assert key not in shown
    assert PLANTED not in shown
    assert shown.count("the key stands in a webhook URL") in (0, 1)  # the other URL holds a secret of the app
    assert "canary-of-an-unknown-key" not in shown.replace('"canary-of-an-unknown-key"})', "")


def test_a_world_that_explains_nothing_is_not_shown(run_tests: Callable[..., pytest.RunResult]) -> None:
    """That of a test that passes, and one that nothing reached; a test without a world shows none."""
    result = run_tests("""
        def test_world(pixazo): pass

        def test_none(): assert 0

        def test_alone(pixazo, pixazo_client): assert 0
        """)
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.no_fnmatch_line("*- pixazo *")


def test_what_a_caller_did_not_get_is_shown(run_tests: Callable[..., pytest.RunResult]) -> None:
    """After the rule and its fault."""
    result = run_tests("""
        import httpx2
        from pytest_pixazo import Delay

        def test_bear(pixazo):
            pixazo.when("generate").fault(Delay(3600))
            with httpx2.Client(transport=pixazo.transport(), headers={"Ocp-Apim-Subscription-Key": pixazo.api_key}, timeout=1) as client:
                client.post(f"{pixazo.url}/minimax-hailuo-ai/v1/generate", json={"prompt": "A bear"})
        """)
    result.stdout.fnmatch_lines(["1  *  202 * | delay | nothing was sent, then the caller disconnected"])


def test_what_is_alike_is_folded(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Of 60 polls the journal and the commands have the first and the last, and how many more; so with submissions."""
    result = run_tests("""
        def test_polls(pixazo, pixazo_client):
            handles = [pixazo_client.generate(prompt) for prompt in ("A bear", "A cat", "A dog", "A fox")]
            for handle in handles * 15:
                handle.status()
            assert 0
        """)
    lines = [line for line in result.outlines if "GET /v2" in line or "POST /mini" in line or "more like" in line]
    assert [line.split("  ")[0] for line in lines[4:]] == [
        "5",
        "...",
        "64",
        "# 2 more like this one, and the last, exchange 4:",
        "# 58 more like this one, and the last, exchange 64:",
    ]
    assert lines[5].split() == ["...", "58", "more", "like", "this", "one", "..."]
    commands = [line for line in result.outlines if line.startswith("curl ")]
    assert [line.count('"A bear"') + 2 * line.count('"A fox"') for line in commands] == [1, 2, 0, 0]


def test_a_later_fixture_that_fails_shows_the_world(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Errors of set-up and teardown are reported with the world, too, and once only."""
    result = run_tests("""
        import pytest

        @pytest.fixture
        def app(pixazo_client):
            pixazo_client.generate("A bear")
            assert 0

        @pytest.fixture
        def tidy(pixazo_client):
            yield
            pixazo_client.generate("A cat")
            assert 0

        def test_set_up(app): pass

        def test_teardown(tidy): pass

        def test_both(tidy): assert 0
        """)
    result.assert_outcomes(errors=3, passed=1, failed=1)
    assert sum("- pixazo journal -" in line for line in result.outlines) == 3


def test_a_world_that_is_gone_is_reported(run_tests: Callable[..., pytest.RunResult]) -> None:
    """A world that cannot be shown is reported so, and the failure stays what it was."""
    result = run_tests("""
        def test_gone(pixazo):
            pixazo.control.delete_world()
            assert 0, "the reason"
        """)
    result.stdout.fnmatch_lines(["E       AssertionError: the reason", "the world cannot be shown: *no world*"])


def test_a_manual_clock_that_was_forgotten_is_reported(run_tests: Callable[..., pytest.RunResult]) -> None:
    """What still runs, until when, and what to call; nothing of it once all has ended, or when the clock runs by itself."""
    result = run_tests(
        """
        import pytest
        from pytest_pixazo import Stuck

        @pytest.mark.pixazo(policy={"job_times": "2+13"})
        def test_forgotten(pixazo, pixazo_client):
            handle = pixazo_client.generate("A bear")
            pixazo.clock.advance(0.5)
            assert handle.status().status == "COMPLETED"

        def test_a_retry(pixazo, pixazo_client):
            pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/")
            pixazo.clock.advance(15)
            assert 0

        def test_stuck(pixazo, pixazo_client):
            pixazo.when("generate").fault(Stuck())
            pixazo_client.generate("A bear")
            pixazo.clock.advance(100)
            assert 0

        def test_ended(pixazo, pixazo_client):
            pixazo_client.generate("A bear")
            pixazo.clock.advance(15)
            assert 0

        @pytest.mark.pixazo(clock="real")
        def test_real(pixazo, pixazo_client):
            pixazo_client.generate("A bear")
            assert 0
        """,
        "--pixazo-start=2026-03-31T10:00:00Z",
    )
    result.assert_outcomes(failed=5)
    start, name = "the clock is manual and reads ", "minimax-hailuo-ai_????????-????-7???-????-????????????"
    result.stdout.fnmatch_lines(
        [
            "*- pixazo clock -*",
            (
                f"{start}10:00:00.500; {name} is QUEUED until +1.5 s, COMPLETED at +14.5 s:"
                " pixazo.clock.advance(14.5) or pixazo.clock.run_until()"
            ),
            f"{start}10:00:15.000; the next webhook is due at +5 s: pixazo.clock.advance(5)",
            f"{start}10:01:40.000; {name} is PROCESSING and never ends",
        ]
    )
    assert sum("- pixazo clock -" in line for line in result.outlines) == 3


def test_what_an_inbox_refused_is_reported(run_tests: Callable[..., pytest.RunResult]) -> None:
    """With the reason."""
    result = run_tests("""
        def test_fails(pixazo, pixazo_client, pixazo_webhooks):
            pixazo_client.generate("A bear", webhook_url=pixazo_webhooks.url.replace("/webhook/", "/hook/"))
            pixazo.clock.advance(15)
            assert pixazo.webhooks[0].attempts[0].problem.startswith("answered 404: its path does not begin with")
            assert 0, "the reason"

        def test_late(pixazo, pixazo_client, pixazo_webhooks):
            pixazo_webhooks._misuse = "the app could not be reached"  # told at the end, when the inbox is closed
            pixazo_client.generate("A bear", webhook_url=pixazo_webhooks.url)
            pixazo.clock.advance(15)
        """)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "E       AssertionError: the reason",
            "*- pixazo inbox -*",
            "POST http://127.0.0.1:*/hook/*: its path does not begin with that of http://127.0.0.1:*: give the app the whole *",
        ]
    )


def test_what_a_run_of_mutation_testing_writes_holds_no_key(
    pytester: pytest.Pytester, run_tests: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though an assertion of the test itself shows it."""
    reported = pytester.path / "results.ndjson"
    monkeypatch.setenv("PIXAZO_RECORDER_FILE", str(reported))
    run_tests(
        "def test_key(pixazo):\n    raise AssertionError(f'{pixazo.api_key}, token=abc')",
        "-ppytest_pixazo.reports.suite_run",
    ).assert_outcomes(failed=1)
    assert '"reason": "AssertionError: [redacted], token=[hidden]"' in reported.read_text()


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def recorded(body: Any = None, /, **members: Any) -> Exchange:
    """A submission in the journal, with these members changed; those of its request that are not given are empty."""
    headers = {"host": "127.0.0.1:1", "ocp-apim-subscription-key": "[redacted]", "content-type": "application/json"}
    length = 0 if body is None else len(body if isinstance(body, str) else json.dumps(body))
    request = {"headers_left_out": 0, **members.pop("request", {"headers": headers, "body": body, "length": length})}
    response: dict[str, Any] = {"headers": {}, "body": "", "length": 0, "cut": None}
    exchange: dict[str, Any] = {
        "number": 1, "at": "2026-03-31T10:00:00.000Z", "method": "POST", "target": "/minimax-hailuo-ai/v1/generate", "status": 202,
        "reason": "accepted", "request_id": None, "rule": None, "faults": [], "expected": True, "hint": None, "request": request,
        "response": response,
    }  # fmt: skip
    return from_json(exchange | members, Exchange)


def test_a_submit() -> None:
    """Origin and key are variables, the body is quoted for sh, and what curl adds by itself is left out."""
    assert curl(recorded({"prompt": "the bear's $HOME `id`"})) == (
        "curl -sS -H \"Ocp-Apim-Subscription-Key: $PIXAZO_API_KEY\" -H 'content-type: application/json'"
        ' --data-raw \'{"prompt": "the bear\'"\'"\'s $HOME `id`"}\''
        ' "$PIXAZO_BASE_URL"/minimax-hailuo-ai/v1/generate'
    )


def test_a_poll_and_other_methods() -> None:
    """GET needs no word, HEAD its own, any other is named; a target with odd characters is quoted."""
    plain: dict[str, Any] = {"request": {"headers": {}, "body": "", "length": 0}}
    assert curl(recorded(method="GET", target="/v2/a", **plain)) == 'curl -sS "$PIXAZO_BASE_URL"/v2/a'
    assert curl(recorded(method="HEAD", target="/v2/a", **plain)) == 'curl -sS --head "$PIXAZO_BASE_URL"/v2/a'
    assert curl(recorded({}, method="HEAD")).startswith("curl -sS -i -X HEAD --max-time 10 -H ")
    assert (
        curl(recorded(method="PUT", target="/v2/a?b;c", **plain)) == "curl -sS -X PUT \"$PIXAZO_BASE_URL\"'/v2/a?b;c'"
    )
    assert curl(recorded(target="/v2/a", **plain)) == 'curl -sS -X POST "$PIXAZO_BASE_URL"/v2/a'


def test_a_data_url_is_cut_with_a_note() -> None:
    """An image that was sent as a data URL is cut wherever it stands, and a comment says so."""
    note, line = curl(recorded({"first_frame_image": "data:image/png;base64," + "A" * 1000})).splitlines()
    assert note == "# a data URL is cut: 96 of 1022 characters"
    assert f'"data:image/png;base64,{"A" * 74}"' in line
    assert "A" * 75 not in line


def test_what_curl_cannot_repeat_is_a_comment() -> None:
    """NUL, bytes that are not text and a body that was not kept whole are reported in comments."""
    headers: dict[str, Any] = {"request": {"headers": {}, "body": "a\0b\ufffd", "length": 20000}}
    assert curl(recorded(**headers)).splitlines() == [
        "# NUL bytes of the body are left out: no argument can contain one",
        "# bytes of the body that are not UTF-8 are replaced",
        "# the body is cut: 6 of 20000 bytes were kept",
        "curl -sS -H 'Content-Type:' --data-raw 'ab\ufffd' \"$PIXAZO_BASE_URL\"/minimax-hailuo-ai/v1/generate",
    ]


@pytest.mark.parametrize(
    ("name", "value", "query", "note", "shown"),
    [
        (
            "authorization",
            "[redacted]",
            "subscription-key=[redacted]&b",
            "",
            "subscription-key='\"$PIXAZO_API_KEY\"'&b",
        ),
        ("x-token", "[hidden]", "token=[hidden]", "# [hidden] replaces a secret that was sent\n", "token=[hidden]"),
    ],
)
def test_secrets_are_left_out_or_named(name: str, value: str, query: str, note: str, shown: str) -> None:
    """A key in the query becomes the variable, another secret is noted, a header that held one is left out with a comment."""
    request: dict[str, Any] = {"headers": {name: value, "accept": "*/*"}, "body": "", "length": 0}
    assert curl(recorded(method="GET", target=f"/v2/a?{query}", request=request)) == (
        f"# header {name} is left out: it contained a secret\n{note}curl -sS \"$PIXAZO_BASE_URL\"'/v2/a?{shown}'"
    )


def test_a_key_that_opened_no_world_has_a_name_of_its_own() -> None:
    """In a header and in the query, with a note; where none was sent, none is."""
    note = "# THE_KEY_THAT_WAS_SENT is the key that was sent, which is redacted: it opened no world\n"
    assert curl(recorded("a"), reached_world=False) == (
        f'{note}curl -sS -H "Ocp-Apim-Subscription-Key: $THE_KEY_THAT_WAS_SENT"'
        " -H 'content-type: application/json' --data-raw a \"$PIXAZO_BASE_URL\"/minimax-hailuo-ai/v1/generate"
    )
    none: dict[str, Any] = {"request": {"headers": {}, "body": "", "length": 0}}
    query = recorded(method="GET", target="/v2/a?subscription-key=[redacted]", **none)
    assert curl(query, reached_world=False) == (
        f"{note}curl -sS \"$PIXAZO_BASE_URL\"'/v2/a?subscription-key='\"$THE_KEY_THAT_WAS_SENT\"''"
    )
    assert (
        curl(recorded(method="GET", target="/v2/a", **none), reached_world=False) == 'curl -sS "$PIXAZO_BASE_URL"/v2/a'
    )


def repeated(caller: Caller, simulator: Simulator, shell: str) -> tuple[Any, Any]:
    """The first exchange of a world, and the one that comes when a shell runs its line."""
    (first,) = caller.sim("journal")["exchanges"]
    variables = {"PIXAZO_BASE_URL": simulator.url, "PIXAZO_API_KEY": caller.key, "PATH": os.environ["PATH"]}
    line = curl(from_json(first, Exchange))
    subprocess.run([shell, "-c", line], env=variables, capture_output=True, timeout=PATIENCE, check=True)
    return first, caller.sim("journal")["exchanges"][1]


@needs_curl
def test_a_body_without_a_media_type_is_repeated_without_one(caller: Caller, simulator: Simulator) -> None:
    """On a path that no gateway knows, too, of which the body is kept."""
    connection = HTTPConnection(urlsplit(simulator.url).netloc)
    connection.request("POST", "/v2/elsewhere", b'{"prompt": "A bear"}', {KEY_HEADER: caller.key})
    assert connection.getresponse().status == 404
    connection.close()
    for each in repeated(caller, simulator, "sh"):
        assert each["request"]["body"] == {"prompt": "A bear"}
        assert "content-type" not in each["request"]["headers"]


NASTY = "it's \"quoted\" `id` $(id) $HOME \\ ! # \n\t; | & * ? ~ é \u2028 \U0001f43b '"


@needs_curl
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_sends_the_same_request(caller: Caller, simulator: Simulator, shell: str) -> None:
    """The line, run by a shell, sends the same members and headers, and what it names as the key."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    url = "http://127.0.0.1:9/it's?a=$HOME"
    caller.call("POST", "/minimax-hailuo-ai/v1/generate", {"prompt": NASTY}, {"X-Webhook-URL": url})
    _, second = repeated(caller, simulator, shell)
    assert second["response"]["body"]["status"] == "QUEUED"
    assert second["request"]["body"] == {"prompt": NASTY}
    assert second["request"]["headers"]["x-webhook-url"] == url


@pytest.mark.slow
def test_an_app_that_waits_in_real_time_for_a_manual_clock_is_told(run_tests: Callable[..., pytest.RunResult]) -> None:
    """Where the time goes that it waits, and which clock it needs: `pixazo_sleep` does not reach a child process."""
    result = run_tests("""
        import multiprocessing

        import pytest
        from pixazo_client import PixazoClient

        def poll(prompt):
            with PixazoClient() as client:
                handle = client.generate(prompt)
                return [handle.status().status for _ in range(4)][-1]

        def test_a_child(pixazo_env, pixazo_sleep):
            with multiprocessing.get_context("fork").Pool(1) as pool:
                assert pool.apply(poll, ["A bear"]) == "COMPLETED"

        def test_a_time_out(pixazo_env):
            poll("A bear")
            pixazo_env.wait_for("media", timeout=0)

        def test_two_looks(pixazo_env):
            with PixazoClient() as client:
                handle = client.generate("A bear")
                assert handle.status() == handle.status() == 0
        """)
    result.assert_outcomes(failed=3)
    waits = (
        "; the status was read 4 times meanwhile, within *.? s of real time. An app that waits in real time needs pixazo_sleep,"
        ' or a clock that runs, as a child process does: @pytest.mark.pixazo(clock="x20")'
    )
    result.stdout.fnmatch_lines([f"the clock is manual and reads *{waits}", f"E *TimeoutError: *{waits}; everything*"])
    assert sum(line.endswith('clock="x20")') for line in result.outlines) == 2
