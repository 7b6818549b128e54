"""The loop closes: an app fails before a wrong gateway, a simulator replays its traffic, the app fails likewise, and the mended app does not."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest

from pixazo_contracts.probes.images import data_url, png
from pixazo_contracts.runner.recorder import record_request_body
from pixazo_contracts.trace import Callback, Exchange, dump_record
from pixazo_simulator import Settings, Simulator
from pixazo_simulator.cli.replay.trace import Retold, read_trace, retold
from pixazo_simulator.mutants import find_mutant
from pixazo_simulator.server import read_profile, read_script
from pixazo_simulator.world import clock_factory
from tests.command import mistake, pixazo_sim, run_process

pytest_plugins = ["pytester"]

HEADER = {"header": {"started_at": "2026-03-31T10:00:00Z", "suite": "any", "unknown": 1}}
KEY = "sim-key"
SUBMIT = "/minimax-hailuo-ai/v1/generate"


def trace_of(*records: bytes) -> bytes:
    return json.dumps(HEADER).encode() + b"\n" + b"".join(records)


class Recorder:
    """A server before a gateway: it forwards what an app sends, and records it and the webhooks that it receives as a trace."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.records: list[Exchange | Callback] = []
        self.began = monotonic()
        self.arrived = threading.Event()

    def now(self) -> float:
        return monotonic() - self.began

    def called_back(self, target: str, body: str) -> None:
        called = Callback(number=1, at=self.now(), method="POST", target=target, answered=204, body=body)
        self.records.append(called)
        self.arrived.set()

    def forward(self, method: str, target: str, headers: list[tuple[str, str]], body: str) -> tuple[int | None, bytes]:
        started, connection = self.now(), HTTPConnection(urlsplit(self.upstream).netloc, timeout=5)
        status, content, received = None, b"", list[tuple[str, str]]()
        try:
            connection.request(method, target, body.encode(), dict(headers))
            response = connection.getresponse()
            content = response.read()
            status, received = response.status, response.getheaders()
        except (OSError, HTTPException):
            pass
        finally:
            connection.close()
        operation = "generate" if method == "POST" else "status" if "/status/" in target else "media"
        kept = [(name, value) for name, value in headers if name.lower() in ("content-type", "x-webhook-url")]
        self.records.append(
            Exchange(
                number=1, probe="", case="", operation=operation, method=method, url=f"https://recorded{target}",
                account="main", started=started, finished=self.now(), status=status, headers=tuple(received),
                error=None if status else "lost", request_headers=tuple(kept), request_body=body or None,
                request_id=target.rpartition("/")[2] if operation == "status" else target.split("/")[2],
                body=content.decode("utf-8", "replace") if operation != "media" else None, size=len(content),
            )
        )  # fmt: skip
        return status, content

    def trace(self) -> bytes:
        """All that was recorded."""
        return trace_of(*map(dump_record, self.records))


@contextmanager
def recording(upstream: str) -> Generator[tuple[Recorder, str]]:
    recorder = Recorder(upstream)

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # one segment for each response

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            if self.path.startswith("/hook"):
                recorder.called_back(self.path, body)
                self._respond(204, b"")
            else:
                self._respond(*recorder.forward(self.command, self.path, self.headers.items(), body))

        def do_GET(self) -> None:
            self._respond(*recorder.forward(self.command, self.path, self.headers.items(), ""))

        def _respond(self, status: int | None, content: bytes) -> None:
            if status is not None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server calls it
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield recorder, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class App:
    """What the apps of these tests have in common."""

    def __init__(self, recorder: Recorder, url: str) -> None:
        self.recorder, self.hook = recorder, f"{url}/hook/app"
        self._url = url

    def call(self, method: str, target: str, body: str = "", **headers: str) -> tuple[int, Any]:
        """Status code and body; raises OSError or HTTPException for a lost response."""
        connection = HTTPConnection(urlsplit(self._url).netloc, timeout=5)
        try:
            connection.request(method, target, body, {"Ocp-Apim-Subscription-Key": KEY, **headers})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def submit(self, **headers: str) -> Any:
        headers = {"Content-Type": "application/json", **headers}
        return self.call("POST", SUBMIT, '{"prompt": "A bear"}', **headers)[1]

    def poll(self, job: Any) -> Any:
        return self.call("GET", f"/v2/requests/status/{job['request_id']}")[1]


def hopeful(app: App) -> None:
    """Waits for COMPLETED alone."""
    job = app.submit()
    for _ in range(60):
        if app.poll(job)["status"] == "COMPLETED":
            return
    raise AssertionError("polls for ever")


def resigned(app: App) -> None:
    """Ends with any terminal state, or after some time."""
    job = app.submit()
    for _ in range(20):
        if app.poll(job)["status"] in ("COMPLETED", "FAILED", "ERROR"):
            return


def greedy(app: App) -> None:
    """Downloads what is COMPLETED, whether or not there is anything."""
    job = app.submit()
    while (seen := app.poll(job))["status"] not in ("COMPLETED", "FAILED"):
        pass
    assert seen["output"]["media_url"][0]


def modest(app: App) -> None:
    """Takes it for a failure that nothing is there."""
    job = app.submit()
    while (seen := app.poll(job))["status"] not in ("COMPLETED", "FAILED"):
        pass
    output: dict[str, Any] = seen["output"] or {}
    assert isinstance(output.get("media_url", []), list)


def trusting(app: App) -> None:
    """Takes a request_id for granted."""
    app.poll(app.submit())


def careful(app: App) -> None:
    """Keeps an answer without a request_id for a person."""
    if "request_id" in (job := app.submit()):
        app.poll(job)


def hasty(app: App) -> None:
    """Submits again when a response is lost: both are paid."""
    for _ in range(2):
        try:
            app.submit()
        except (OSError, HTTPException):
            continue
        break
    submitted = [each for each in app.recorder.records if isinstance(each, Exchange)]
    assert len(submitted) == 1, "submitted twice"


def patient(app: App) -> None:
    """Submits once."""
    try:
        app.submit()
    except (OSError, HTTPException):
        return


def counting(app: App, *, by_id: bool = False) -> None:
    """Credits a customer for each callback."""
    job = app.submit(**{"X-Webhook-URL": app.hook})
    while app.poll(job)["status"] != "COMPLETED":
        pass
    app.recorder.arrived.wait(5)
    for _ in range(50):  # reads, so that a second callback has time to arrive
        app.poll(job)
    called = [each.members["request_id"] for each in app.recorder.records if isinstance(each, Callback)]
    assert len(set(called) if by_id else called) == 1, "credited twice"


def knowing(app: App) -> None:
    """Credits a customer once."""
    counting(app, by_id=True)


WRONG: dict[str, tuple[dict[str, Any], Callable[[App], None], Callable[[App], None]]] = {
    "never completes": ({"change": "stuck-in-processing"}, hopeful, resigned),
    "ends as FAILED": ({"rule": {"when": "submit", "end": {"status": "FAILED", "error": "content"}}}, hopeful, resigned),
    "202 without an id": (
        {"rule": {"when": "submit", "faults": [{"fault": "changed_members", "remove": ["request_id"]}]}}, trusting, careful,
    ),
    "COMPLETED without media": (
        {"rule": {"when": "status", "faults": [{"fault": "completed_without_media", "output": "empty"}]}}, greedy, modest,
    ),
    "loses a response": ({"rule": {"when": "submit", "faults": [{"fault": "reply_lost"}]}}, hasty, patient),
    "doubles a webhook": ({"change": "callback-twice"}, counting, knowing),
}  # fmt: skip
"""What is wrong with a gateway, how it comes to be, an app that fails before it, and the app mended."""


def outcome(gateway: Simulator, app: Callable[[App], None], rule: Any = None) -> tuple[str, bytes]:
    """How an app ends before a gateway, and the trace."""
    with gateway as upstream, recording(upstream.url) as (recorder, url):
        if rule:
            upstream.control().set_script([rule])
        try:
            app(App(recorder, url))
        except Exception as error:  # noqa: BLE001 - whatever an app fails with
            return f"{type(error).__name__}: {error}".partition("\n")[0], recorder.trace()
        return "passed", recorder.trace()


def fast() -> Settings:
    return Settings(clock=clock_factory("x2000"))


@pytest.mark.parametrize("wrong", WRONG)
def test_a_replayed_trace_fails_the_app_that_it_came_from_and_not_the_mended_one(wrong: str, tmp_path: Path) -> None:
    how, app, mended = WRONG[wrong]
    change = find_mutant(how["change"]) if "change" in how else None
    assert outcome(Simulator(fast()), app)[0] == "passed"
    failed, trace = outcome(Simulator(fast(), change=change), app, how.get("rule"))
    assert failed != "passed"
    file = tmp_path / "trace.ndjson"
    file.write_bytes(trace)
    assert pixazo_sim("replay", str(file), "--out", str(tmp_path)).returncode == 0
    script = read_script(tmp_path / "replay_trace.json")
    replaying = Settings(script=script, clock=clock_factory("real"))  # the trace has seconds of the wall clock
    assert outcome(Simulator(replaying), app)[0] == failed
    assert outcome(Simulator(replaying), mended)[0] == "passed"


def written(folder: Path, *options: str, name: str = "trace.ndjson") -> str:
    """What the command prints about the trace of an app before a gateway that ends generations as FAILED."""
    how, app, _ = WRONG["ends as FAILED"]
    file = folder / name
    file.write_bytes(outcome(Simulator(fast()), app, how["rule"])[1])
    told = pixazo_sim("replay", str(file), "--out", str(folder), *options)
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.slow
def test_the_tests_of_a_trace_pass_where_the_script_answers_as_the_trace_and_fail_without_it(
    pytester: pytest.Pytester,
) -> None:
    """They hold no key and no path of this machine, and are as ruff has them."""
    pytest.importorskip("ruff")
    written(pytester.path)
    tests, script = pytester.path / "test_replay_trace.py", pytester.path / "replay_trace.json"
    text = tests.read_text() + script.read_text()
    assert KEY not in text
    assert str(pytester.path) not in text
    ruff = run_process(sys.executable, "-m", "ruff", "format", "--line-length", "120", "--check", str(tests))
    assert ruff.returncode == 0, ruff.stdout
    ruff = run_process(sys.executable, "-m", "ruff", "check", "--line-length", "120", str(tests))
    assert ruff.returncode == 0, ruff.stdout
    pytester.runpytest("-q", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    script.write_text('{"rules": []}')
    pytester.runpytest("-q", "-p", "no:cacheprovider").assert_outcomes(failed=1)


OVER_A_HARD_CODED_HOST = """
import os, sys, time, urllib.request, json
def call(path, body=None):
    request = urllib.request.Request("https://gateway.pixazo.ai" + path, body, {"Content-Type": "application/json",
        "Ocp-Apim-Subscription-Key": os.environ["PIXAZO_API_KEY"]})
    return json.load(urllib.request.urlopen(request))
job = call("/minimax-hailuo-ai/v1/generate", b'{"prompt": "A bear"}')
for _ in range(25):
    job = call("/v2/requests/status/" + job["request_id"])
    if job["status"] in sys.argv[1:]: sys.exit(0)
    time.sleep(0.01)
sys.exit("polls for ever")
"""


@pytest.mark.slow
def test_the_test_of_an_app_with_a_hard_coded_host_fails_and_passes_when_it_is_mended(
    pytester: pytest.Pytester,
) -> None:
    (pytester.path / "app.py").write_text(OVER_A_HARD_CODED_HOST)
    for name, words in {"bad": "COMPLETED", "mended": "COMPLETED FAILED"}.items():
        written(pytester.path, "--name", name, "--app", f"{sys.executable} app.py {words}")
    result = pytester.runpytest("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_replay_bad.py::test_replay_bad*"])


def called(
    at: float,
    status: int,
    answer: dict[str, str],
    *,
    body: str | None = '{"prompt": "A bear"}',
    operation: str = "generate",
) -> bytes:
    """The record of a submission, or, without a body, of a read of the request id that is answered."""
    path = f"/minimax-hailuo-ai/v1/{operation}" if body else f"/v2/requests/status/{answer['request_id']}"
    return dump_record(
        Exchange(
            number=1, probe="", case="", operation=operation if body else "status", method="POST" if body else "GET",
            url=f"https://recorded{path}",
            account="default", started=at, finished=at + 0.1, status=status, headers=(), request_body=body,
            request_headers=(("Content-Type", "application/json"),), body=json.dumps(answer),
        )
    )  # fmt: skip


def accepted(at: float, number: int, **more: str) -> bytes:
    return called(
        at, 202, {"request_id": str(number), "status": "QUEUED", "polling_url": f"/v2/requests/status/{number}"}, **more
    )


def ended(at: float, number: int, status: str) -> bytes:
    return called(at, 200, {"request_id": str(number), "status": status, "error": "content"}, body=None)


def expressed(folder: Path, *records: bytes, profile: str | None = None) -> str:
    """What the command prints about these records; it writes into `tests`."""
    file = folder / "trace.ndjson"
    file.write_bytes(trace_of(*records))
    given = ("--profile", profile) if profile else ()
    done = pixazo_sim("replay", str(file), "--out", str(folder / "tests"), *given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told(*records: bytes) -> Retold:
    """What is told of these records, where a simulator accepts submissions with a prompt."""
    trace = read_trace(trace_of(*records))
    assert trace
    return retold(trace, lambda each: 202 if each.request.members else 400, read_profile("documented"))


@pytest.mark.parametrize(
    ("before", "ends"),
    [(accepted(0, 1), [None, "FAILED"]), (called(0, 400, {"error": "Bad Request"}, body="{}"), ["FAILED"])],
    ids=["accepted and never read", "refused"],
)
def test_an_end_is_that_of_the_generation_that_had_it(before: bytes, ends: list[str | None]) -> None:
    """An app that is mended meanwhile sends nothing that is refused."""
    (rule, *_) = told(before, accepted(1, 2), ended(60, 2, "FAILED")).rules
    assert [step.end and step.end.status for step in rule.steps] == ends


@pytest.mark.slow
def test_an_end_behind_a_submission_that_only_the_gateway_accepted_is_that_of_the_next(tmp_path: Path) -> None:
    """What the simulator refuses is no generation of it, and the output says so."""
    odd = accepted(0, 1, body='{"prompt": "A bear", "duration": 7}')
    printed = expressed(tmp_path, odd, accepted(1, 2), ended(60, 2, "FAILED"), ended(60, 1, "COMPLETED"))
    assert (
        "not expressed: submission 1 was accepted with 202, and the simulator refuses it with 400: give a --profile that accepts it"
        in printed
    )
    (rule, *_) = read_script(tmp_path / "tests" / "replay_trace.json")
    assert [step.end and step.end.status for step in rule.steps] == ["FAILED"]


@pytest.mark.slow
def test_what_was_refused_to_another_key_and_what_was_never_heard_is_replayed_as_it_was(
    pytester: pytest.Pytester,
) -> None:
    """A generation that only a wrong key has read; what was refused for its content type; a refusal whose response was lost; webhooks that passed by the recorder."""
    lost = Exchange(
        number=1, probe="", case="", operation="generate", method="POST", url=f"https://recorded{SUBMIT}",
        account="default", started=1, finished=1.1, status=None, error="lost", request_body='{"prompt": ""}',
    )  # fmt: skip
    form = called(1.5, 400, {"error": "no JSON"}).replace(b"application/json", b"text/plain")
    hooked = accepted(2, 2, body='{"prompt": "b", "callback_url": "https:\\/\\/app.example\\/hook?token=s3same"}')
    ahead: dict[str, Any] = {"profile": {"capabilities": []}, "started_at": "2026-03-31T10:00:00Z"}
    records = [
        *(
            accepted(0, 1),
            called(0.5, 401, {"request_id": "1", "message": "?sig=s3same"}, body=None),
            dump_record(lost),
            form,
            hooked,
        ),
        *(ended(60, 2, "FAILED"), called(61, 404, {"request_id": "2"}, body=None)),
    ]
    (pytester.path / "trace.ndjson").write_bytes(json.dumps({"header": ahead}).encode() + b"\n" + b"".join(records))
    told = pixazo_sim("replay", str(pytester.path / "trace.ndjson"), "--out", str(pytester.path / "tests"))
    assert "webhooks are not in the trace" in told.stdout
    assert "s3same" not in "".join(file.read_text() for file in (pytester.path / "tests").iterdir())
    pytester.runpytest("-q", "-p", "no:cacheprovider", "tests").assert_outcomes(passed=1)


@pytest.mark.slow
def test_what_a_profile_accepts_is_expressed_by_tests_that_find_it(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they are run."""
    (pytester.path / "open.toml").write_text('t2v_limits = "open"\n')
    odd = accepted(0, 1, body='{"prompt": "A bear", "duration": 7}')
    assert "not expressed" not in expressed(pytester.path, odd, profile="open.toml")
    monkeypatch.chdir(tmp_path)
    pytester.runpytest("-q", "-p", "no:cacheprovider", str(pytester.path / "tests")).assert_outcomes(passed=1)


@pytest.mark.slow
def test_an_image_that_a_recorder_cut_and_a_body_that_it_left_out_are_sent_as_others(pytester: pytest.Pytester) -> None:
    image = data_url("image/png", png(400, 400, padding=5000))
    cut = record_request_body(json.dumps({"prompt": "A bear", "first_frame_image": image}).encode())
    other = [accepted(at, at + 1, operation=each) for at, each in ((1, "generate"), (2, "imageToVideo"))]
    lost = [each.replace(b'"{\\"prompt\\": \\"A bear\\"}"', b"null") for each in other]
    expressed(pytester.path, accepted(0, 1, body=str(cut), operation="imageToVideo"), *lost)
    pytester.runpytest("-q", "-p", "no:cacheprovider", "tests").assert_outcomes(passed=1)


@pytest.mark.slow
def test_files_are_overwritten_only_by_force(tmp_path: Path) -> None:
    printed = written(tmp_path).splitlines()
    script, tests = tmp_path / "replay_trace.json", tmp_path / "test_replay_trace.py"
    assert printed[1:3] == [f"wrote {script}: pixazo-sim serve --script {script}", f"wrote {tests}: pytest {tests}"]
    again = mistake("replay", str(tmp_path / "trace.ndjson"), "--out", str(tmp_path))
    assert again.endswith(f"{script} and {tests} would be overwritten: give another --name or --out, or --force")
    written(tmp_path, "--force")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"header":{"started_at":"2026-03-31T10:00:00Z"}}\n',
            "the trace has no submission, so there is nothing to replay",
        ),
        ('{"header":{}}\n', "line 1 is not a record of a trace (Object missing required field `started_at`)"),
        (
            '{"log": {"version": "1.2", "entries": []}}',
            "is a HAR file: convert it to a trace first, with pixazo-contracts har",
        ),
    ],
)
def test_a_file_that_is_no_trace_is_refused_with_the_remedy(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "given"
    file.write_text(text)
    assert problem in mistake("replay", str(file), "--out", str(tmp_path))
