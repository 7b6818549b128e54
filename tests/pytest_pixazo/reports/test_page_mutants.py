"""A mutant for each change of meaning of a page: its gateway differs on the wire there and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, Caller, Reply, over_http
from tests.inprocess import InProcess
from tests.pytest_pixazo.submitting import CALLING
from tests.receiver import Receiver
from tests.simulator.samples import data_url, jpeg, webp

from pixazo_contracts.pages import own_page
from pixazo_simulator.mutants import Mutant
from pixazo_simulator.server.simulator import Simulator
from pytest_pixazo.reports.mutation import chosen
from pytest_pixazo.reports.page_mutants import mutant_named, read_page_mutants

OWN = own_page()
JPEG = data_url(jpeg(400, 400))
R2 = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"
SAMPLE_URL = f'"{R2}/v1/minimax-hailuo-ai_019dxxxx-xxxx/output.ext"'
STATUS = "/v2/requests/status/"

Edit = tuple[str, str]
Conversation = Callable[[Caller], Reply]


def page(folder: Path, *edits: Edit) -> str:
    """The file of the page with every occurrence of a text replaced."""
    text = OWN
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "NEW.md").write_text(text, encoding="utf-8")
    return str(folder / "NEW.md")


def mutant(folder: Path, name: str, *edits: Edit) -> Mutant:
    """The mutant of this name, which can be tried."""
    found = {each.name: (each, reason) for each, reason in read_page_mutants(page(folder, *edits))}
    each, reason = found[f"page:{name}"]
    assert reason == ""
    return each


def image(caller: Caller, *, image: str = JPEG, **members: object) -> Reply:
    return caller.call("POST", IMAGE_TO_VIDEO, {"prompt": "A bear", "first_frame_image": image, **members})


def ended(caller: Caller, prompt: str = "A bear") -> Reply:
    reply = caller.generate(prompt)
    caller.advance(60)
    return caller.read(str(reply.json().get("request_id", "none")))


def as_key(key: str, path: str = GENERATE) -> Conversation:
    return lambda caller: Caller(caller.send, key).call("POST", path, {"prompt": "A bear"})


CONVERSATIONS: dict[str, Conversation] = {
    "text": Caller.generate,
    "text-10": lambda caller: caller.generate(duration=10, resolution="768P"),
    "text-optimized": lambda caller: caller.generate(prompt_optimizer=True, callback_url="http://127.0.0.1:9/"),
    "text-8": lambda caller: caller.generate(duration=8),
    "image": image,
    "image-long-prompt": lambda caller: image(caller, prompt="x" * 1800),
    "image-longer-prompt": lambda caller: image(caller, prompt="x" * 2500),
    "image-8": lambda caller: image(caller, duration=8),
    "image-webp": lambda caller: image(caller, image=data_url(webp(400, 400))),
    "image-768P": lambda caller: image(caller, resolution="768P"),
    "queued": lambda caller: caller.read(caller.generate().json().get("request_id", "none")),
    "completed": ended,
    "failed": lambda caller: ended(caller, "[[sim:failed No]]"),
    "error": lambda caller: ended(caller, "[[sim:error No]]"),
    "no-prompt": lambda caller: caller.call("POST", GENERATE, {}),
    "no-money": as_key("sim-empty-wallet"),
    "no-model": as_key("sim-disabled-model"),
    "no-key": as_key("no-such-key"),
    "unknown-path": as_key("sim-key", "/v9/nothing"),
}  # fmt: skip
TEXTS = {"text", "text-10", "text-optimized"}
IMAGES = {"image", "image-long-prompt", "image-webp", "image-768P"}
READS = {"queued", "completed", "failed", "error"}
REFUSED_TEXTS = {"text-8", "no-prompt", "no-money", "no-model", "no-key"}


def said(change: Mutant | None, conversation: Conversation) -> tuple[int, bytes]:
    with InProcess(change=change) as send:
        reply = conversation(Caller(send, "sim-key"))
    return reply.status, reply.body


@pytest.fixture(scope="module")
def faithful() -> dict[str, tuple[int, bytes]]:
    """What the unchanged gateway says."""
    return {name: said(None, conversation) for name, conversation in CONVERSATIONS.items()}


CHANGES: list[tuple[str, list[Edit], set[str]]] = [
    ("generate-request-path", [("v1/generate", "v1/textToVideo")], TEXTS | REFUSED_TEXTS | READS),
    ("request-base-URL", [("minimax-hailuo-ai/v1", "hailuo/v2")], set(CONVERSATIONS) - {"unknown-path"}),
    ("status-route-path", [("/v2/requests/status/", "/v3/requests/")], TEXTS | IMAGES | READS),
    ("status-route-method", [("GET https", "POST https")], READS),
    ("operation-generate", [(OWN[OWN.index("### Text to Video") :], "")], TEXTS | REFUSED_TEXTS | READS),
    ("header-Ocp-Apim-Subscription-Key", [("Ocp-Apim-Subscription-Key", "X-API-Key")],
     set(CONVERSATIONS) - {"unknown-path"}),
    ("code-202", [("202\n\nAcc", "200\n\nAcc")], TEXTS | IMAGES),
    ("status-PROCESSING", [("PROCESSING", "RUNNING")], set()),
    ("status-COMPLETED", [("COMPLETED", "SUCCEEDED")], {"completed"}),
    ("status-flow", [("                    → FAILED\n", "")], {"failed"}),
    ("imageToVideo-parameter-prompt-max_length", [("maximum 2000", "maximum 1500")], {"image-long-prompt", "image-longer-prompt"}),
    ("imageToVideo-parameter-prompt-max_length", [("maximum 2000", "maximum 3000")], {"image-longer-prompt"}),
    ("imageToVideo-parameter-duration-enumeration", [("Must be 6 or 10", "Must be 6, 8 or 10")], {"image-8"}),
    ("imageToVideo-parameter-first_frame_image-formats", [("JPG/JPEG/PNG/WebP", "JPG/JPEG/PNG")], {"image-webp"}),
    ("parameter-resolution-required", [("resolution\n\nNo", "resolution\n\nYes")],
     (TEXTS | IMAGES | READS | {"text-8", "no-prompt", "image-8", "image-longer-prompt", "no-money", "no-model"}) - {"text-10", "image-768P"}),
    ("parameter-prompt-required", [("prompt\n\nYes", "prompt\n\nNo")], {"no-prompt"}),
    ("generate-parameter-prompt_optimizer", [
        ("prompt\\_optimizer\n\nNo\n\nboolean\n\nAutomatically refines prompt input for better video quality.\n\n", ""),
    ], {"text-optimized"}),
    ("generate-parameter-seed", [("prompt\n\nYes\n\nstring\n\nThe", "seed\n\nYes\n\ninteger\n\nSeed.\n\nprompt\n\nYes\n\nstring\n\nThe")],
     TEXTS | READS | {"text-8", "no-prompt", "no-money", "no-model"}),
    ("generate-parameter-duration-type", [("duration\n\nNo\n\nnumber", "duration\n\nNo\n\nstring")], {"text-10", "text-8"}),
    ("sample-accepted-polling_url", [('"polling_url"', '"status_url"')], TEXTS | IMAGES),
    ("sample-response-completed-output.media_url", [(f"[\n      {SAMPLE_URL}\n    ]", SAMPLE_URL)], {"completed"}),
    ("sample-response-completed-output.media_url", [(f"{R2}/v1", "https://cdn.pixazo.ai/v2")], {"completed"}),
    ("sample-response-completed-output.media_type", [("application/octet-stream", "video/webm")], {"completed"}),
    ("sample-response-completed-created_at", [("10:00:00.000Z", "10:00:00Z")], READS),
    ("sample-response-completed-cost", [('"error": null,\n', '"error": null,\n  "cost": 0.35,\n')], {"completed"}),
    ("field-output.media_url-type", [("output.media\\_url\n\narray", "output.media\\_url\n\nstring")], {"completed"}),
    ("sample-queue-system-errors-402-error", [('"error": "Insufficient Balance"', '"error": {"title": "Insufficient Balance"}')], {"no-money"}),
    ("sample-queue-system-errors-402", [("// 402 —", "// 403 —")], {"no-money"}),
    ("sample-queue-system-errors-400-message", [("not found or is disabled", "does not exist")], {"no-model"}),
    ("request-model-id", [("minimax-hailuo-ai_", "hailuo_")], TEXTS | IMAGES | READS),
]  # fmt: skip


@pytest.mark.parametrize(("name", "edits", "differs"), CHANGES)
def test_the_gateway_differs_there_and_nowhere_else(
    tmp_path: Path, faithful: dict[str, tuple[int, bytes]], name: str, edits: list[Edit], differs: set[str]
) -> None:
    """What a caller of the old page sees."""
    change = mutant(tmp_path, name, *edits)
    assert {each for each, talk in CONVERSATIONS.items() if said(change, talk) != faithful[each]} == differs


def test_a_change_of_one_operation_leaves_the_other_as_it_is(
    tmp_path: Path, faithful: dict[str, tuple[int, bytes]]
) -> None:
    """In the answers to its submissions, and in what is read of its generations."""
    first, second = OWN.split("### Text to Video")
    edits = {"202\n\nAcc": "200\n\nAcc", '"status": "COMPLETED"': '"status": "DONE"'}
    for old, new in edits.items():
        second = second.replace(old, new)
    (tmp_path / "NEW.md").write_text(f"{first}### Text to Video{second}", encoding="utf-8")
    code, word = (
        mutant_named(f"page:{tmp_path}/NEW.md:generate-{name}")
        for name in ("code-202", "sample-response-completed-status")
    )
    assert {each for each, talk in CONVERSATIONS.items() if said(code, talk) != faithful[each]} == TEXTS

    def image_completed(caller: Caller) -> Reply:
        request_id = image(caller).json()["request_id"]
        caller.advance(60)
        return caller.read(request_id)

    assert b'"status":"DONE"' in said(word, ended)[1]
    assert b'"status":"COMPLETED"' in said(word, image_completed)[1]


@contextmanager
def changed(folder: Path, name: str, *edits: Edit) -> Generator[Caller]:
    """A caller of a gateway with a change."""
    with InProcess(change=mutant(folder, name, *edits)) as send:
        yield Caller(send, "sim-key")


def test_what_moved_is_served_at_its_new_address(tmp_path: Path) -> None:
    """Submission, status, and the media of URLs with another path."""
    body = {"prompt": "A bear"}
    with changed(tmp_path, "generate-request-path", ("v1/generate", "v1/textToVideo")) as caller:
        assert caller.generate().status == 404
        assert caller.call("POST", "/minimax-hailuo-ai/v1/textToVideo", body).status == 202
    with changed(tmp_path, "status-route-path", (STATUS, "/v3/requests/")) as caller:
        url = caller.generate().json()["polling_url"]
        assert re.fullmatch(r"http://[^/]+/v3/requests/minimax-hailuo-ai_[^/]+", url)
        assert caller.call("GET", "/" + url.split("/", 3)[3]).json()["status"] == "QUEUED"
    with changed(tmp_path, "sample-response-completed-output.media_url", (f"{R2}/v1", f"{R2}/v2")) as caller:
        (url,) = ended(caller).json()["output"]["media_url"]
        assert re.fullmatch(r"http://[^/]+/v2/[^/]+/output\.mp4", url)
        assert caller.call("GET", "/" + url.split("/", 3)[3]).headers["content-type"] == "video/mp4"


def test_what_has_another_name_works_under_it(tmp_path: Path) -> None:
    """A header, a parameter and a model id."""
    with changed(tmp_path, "header-Ocp-Apim-Subscription-Key", ("Ocp-Apim-Subscription-Key", "X-API-Key")) as caller:
        assert caller.send("POST", GENERATE, {KEY_HEADER: "sim-key"}, b'{"prompt": "A bear"}').status == 401
        headers = {"X-API-Key": "sim-key", "Content-Type": "application/json"}
        assert caller.send("POST", GENERATE, headers, b'{"prompt": "A bear"}').status == 202
    with changed(tmp_path, "generate-parameter-prompt", ("prompt\n\nYes", "text\n\nYes")) as caller:
        assert caller.generate().json() == {"error": "Invalid request", "message": "prompt is not a parameter."}
        assert caller.call("POST", GENERATE, {}).json()["message"] == "text is required."
        assert caller.call("POST", GENERATE, {"text": "A bear"}).status == 202
    with changed(tmp_path, "request-model-id", ("minimax-hailuo-ai_", "hailuo_")) as caller:
        assert ended(caller).json()["request_id"].startswith("hailuo_")


def submitted(caller: Caller, headers: dict[str, str], body: bytes = b'{"prompt": "A bear"}') -> int:
    return caller.send("POST", GENERATE, {"Content-Type": "application/json", **headers}, body).status


@pytest.mark.parametrize("name", ["Authorization", KEY_HEADER])
def test_a_key_may_need_a_scheme(tmp_path: Path, name: str) -> None:
    """As the sample of its header has it, be it renamed or not."""
    lines = (f"{KEY_HEADER}: YOUR_SUBSCRIPTION_KEY", f"{KEY_HEADER}\n\nYOUR\\_SUBSCRIPTION\\_KEY")
    edits = [(line, line.replace(KEY_HEADER, name).replace("YOUR", "Bearer YOUR")) for line in lines]
    with changed(tmp_path, f"header-{KEY_HEADER}", *edits) as caller:
        assert submitted(caller, {name: "Bearer sim-key"}) == 202
        assert submitted(caller, {name: "sim-key"}) == 401


def test_a_body_may_become_a_form(tmp_path: Path) -> None:
    """JSON is refused then, and a form is taken, with numbers as its texts."""
    edits = [
        (f"Content-Type{between}application/json", f"Content-Type{between}multipart/form-data")
        for between in (": ", "\n\n")
    ]
    members = {"prompt": "A bear", "duration": "10"}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in members.items()
    ]
    form = f"{''.join(parts)}--x--\r\n".encode()
    with changed(tmp_path, "header-Content-Type", *edits) as caller:
        assert submitted(caller, {KEY_HEADER: "sim-key"}) == 400
        assert (
            submitted(caller, {KEY_HEADER: "sim-key", "Content-Type": "multipart/form-data; boundary=x"}, form) == 202
        )


def test_a_default_and_its_values_change_together(tmp_path: Path) -> None:
    """The default alone would be refused; a new value is taken however it is written."""
    edits = [("Must be 6 or 10", "Must be 5 or 10"), ("Default: 6.", "Default: 5.")]
    with changed(tmp_path, "imageToVideo-parameter-duration-enumeration", *edits) as caller:
        assert [image(caller, duration=value).status for value in (5, 5.0, 6, 6.0, 10.0)] == [202, 202, 400, 400, 202]
    untried = {each.name: each.untried for each in chosen(f"page:{page(tmp_path, *edits)}")}
    assert "only with another change" in untried["page:imageToVideo-parameter-duration-default"]


def test_only_like_things_are_one_that_was_renamed(tmp_path: Path) -> None:
    """A rule that went and another that came are two changes, and so are a header of the key and another one."""
    edits = [
        ("Must be 6 or 10 seconds", "Any whole number from 4 to 12 seconds"),
        ("Cache-Control: no-cache", "X-Tenant: 7"),
        ("Cache-Control\n\nno-cache", "X-Tenant\n\n7"),
    ]
    with changed(tmp_path, "imageToVideo-parameter-duration-minimum", *edits) as caller:
        assert [image(caller, duration=value).status for value in (3, 6, 5)] == [400, 202, 202]
    said = {each.name: each.sentence for each, _ in read_page_mutants(page(tmp_path, *edits))}
    assert " -> nothing" in said["page:imageToVideo-parameter-duration-enumeration"]
    assert " -> nothing" in said["page:header-Cache-Control"]


def test_values_and_forms_after_a_change(tmp_path: Path) -> None:
    """A default, members that moved, a status word, timestamps."""
    with changed(tmp_path, "imageToVideo-parameter-duration-default", ("Default: 6", "Default: 10")) as caller:
        image(caller)
        assert caller.sim("generations")["generations"][0]["duration"] == 10
    edits = ('"error": "Insufficient Balance"', '"error": {"title": "Insufficient Balance"}')
    with changed(tmp_path, "sample-queue-system-errors-402-error", edits) as caller:
        assert as_key("sim-empty-wallet")(caller).json()["error"] == {"title": "Insufficient Balance"}
    with changed(tmp_path, "status-QUEUED", ("QUEUED", "PENDING")) as caller:
        submitted = caller.generate().json()
        assert (submitted["status"], caller.status(submitted["request_id"])) == ("PENDING", "PENDING")
    for form, expected in (
        ("10:00:00Z", "2026-03-31T10:00:00Z"), ("10:00:00.000+02:00", "2026-03-31T12:00:00.000+02:00"),
    ):  # fmt: skip
        with changed(tmp_path, "sample-response-completed-created_at", ("10:00:00.000Z", form)) as caller:
            assert ended(caller).json()["created_at"] == expected


def test_the_webhook_header_and_the_callbacks(tmp_path: Path) -> None:
    """The new header asks for a callback, the old one does not; its envelope has the new words."""
    renamed = mutant(tmp_path, "webhook-header", ("X-Webhook-URL", "X-Callback"))
    word = mutant(tmp_path, "status-COMPLETED", ("COMPLETED", "SUCCEEDED"))
    with Receiver() as receiver:
        for change, header in ((renamed, "X-Webhook-URL"), (renamed, "X-Callback"), (word, "X-Webhook-URL")):
            with Simulator(change=change) as simulator:
                headers = {
                    KEY_HEADER: simulator.api_key,
                    header: f"http://{receiver.authority}/{header}",
                    "Content-Type": "application/json",
                }
                caller = Caller(over_http(simulator.url), simulator.api_key)
                assert caller.call("POST", GENERATE, {"prompt": "A bear"}, headers).status == 202
                caller.advance(15)
    assert [each.path for each in receiver.received] == ["/X-Callback", "/X-Webhook-URL"]
    assert [b'"status":"SUCCEEDED"' in each.body for each in receiver.received] == [False, True]


def test_an_app_with_the_old_host_in_its_code_notices_another_one(tmp_path: Path) -> None:
    """Whoever was told the address of the simulator does not."""
    with changed(tmp_path, "request-host", ("gateway.pixazo.ai", "api.pixazo.ai")) as caller:
        assert caller.generate().status == 202
        assert caller.call("POST", GENERATE, {"prompt": "A"}, {"Host": "gateway.pixazo.ai"}).status == 404
        assert caller.call("POST", GENERATE, {"prompt": "A"}, {"Host": "api.pixazo.ai"}).status == 202


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("polling-interval", ("every 5-10 s", "every 15-30 s"), "how often to poll is advice to callers"),
        ("code-422", ("500\n\nInternal", "422\n\nUnprocessable\n\n500\n\nInternal"), "the page does not say when the gateway sends it, or what instead"),
        ("sample-accepted-polling_url", ("gateway.pixazo.ai/v2", "[region].pixazo.ai/v2"), "the page no longer says it in a readable way"),
        ("code-202", ("202\n\nAcc", "204\n\nAcc"), "it is not a status code that a response with a body can have"),
        ("generate-parameter-seed", ("prompt\n\nYes\n\nstring\n\nThe", "seed\n\nNo\n\ninteger\n\nSeed.\n\nprompt\n\nYes\n\nstring\n\nThe"),
         "callers need not send it"),
        ("status-FAILED", ("Failed — check error", "Failed — not charged, check error"), "what it promises is not a response of the gateway"),
    ],
)  # fmt: skip
def test_what_is_not_tried_has_a_reason(tmp_path: Path, name: str, edit: Edit, reason: str) -> None:
    """It is in the list all the same."""
    found = {change.name: change.untried for change in chosen(f"page:{page(tmp_path, edit)}")}
    assert found[f"page:{name}"] == reason


@pytest.mark.slow
def test_names_and_sentences_are_one_harmless_line(tmp_path: Path) -> None:
    """Whatever the page has, and each is found by its name."""
    evil = "a\x1b[31m$(x)`; --co \u202e<b>" + "y" * 500
    file = page(
        tmp_path,
        ("prompt\n\nYes", f"{evil}\n\nYes"),
        ('"polling_url"', f'"{evil[8:]}"'),
        ("X-Webhook-URL", "X-\u00e9\x00"),
        ('"Insufficient Balance"', '"\\ud800"'),
        ("Your wallet does not have enough balance.", "[" * 9000),
        ("10:00:00.000Z", "99:99:99+99:99"),
    )
    found = read_page_mutants(file)
    for change, _ in found:
        assert re.fullmatch(r"page:[A-Za-z0-9_.-]{1,64}", change.name)
        assert change.sentence.isprintable()
        assert len(change.sentence) < 1000
        assert mutant_named(f"page:{file}:{change.name.removeprefix('page:')}").name == change.name
        said(change, Caller.generate)
        said(change, ended)
        said(change, as_key("sim-empty-wallet"))
    assert len({change.name for change, _ in found}) == len(found) > 4


def test_changes_carry_their_clauses(tmp_path: Path) -> None:
    """The first in its column, some in the sentence, which says before and after."""
    change = mutant(tmp_path, "webhook-header", ("X-Webhook-URL", "X-Callback"))
    assert change.clause == "WEBHOOK-01"
    says = "webhook header: 'X-Webhook-URL' -> 'X-Callback' (WEBHOOK-01, WEBHOOK-02, WEBHOOK-03, WEBHOOK-06, ...)"
    assert change.sentence == says


def test_pages_and_globs_together(tmp_path: Path) -> None:
    """Separated by commas; a run of one change names the file."""
    file = page(tmp_path, ("202\n\nAcc", "200\n\nAcc"))
    changes = chosen(f"no-polling-url,page:{file}")
    assert [change.name for change in changes] == ["no-polling-url", "page:code-202"]
    assert changes[1].argument == f"--pixazo-mutant=page:{file}:code-202"


SUITE = f"""{CALLING}


def submitted(pixazo):
    return json.loads(call(pixazo, "/minimax-hailuo-ai/v1/generate", {{"prompt": "A bear"}}))


def test_ids(pixazo):
    assert submitted(pixazo)["request_id"]


def test_address(pixazo):
    assert submitted(pixazo)["polling_url"].startswith(pixazo.url)
"""


def run(suite: pytest.Pytester, *options: str) -> pytest.RunResult:
    return suite.runpytest("-p", "no:cacheprovider", *options)


@pytest.mark.slow
def test_the_report_says_which_test_breaks(suite: pytest.Pytester) -> None:
    """One of two changes is noticed, by one of two tests; a third cannot be tried."""
    page(suite.path, ('"polling_url"', '"status_url"'), ("202\n\nAcc", "200\n\nAcc"), ("every 5-10 s", "every 20 s"))
    done = run(suite, "--pixazo-mutants=page:NEW.md")
    done.stdout.fnmatch_lines([
        "pixazo mutation testing: the suite runs on the unchanged gateway, then on 2 changed ones",
        "page:NEW.md: 1 of 2 noticed",
        "  slips through SUBMIT-02     page:code-202 *code 202: '202' -> '200' (*",
        "  noticed       HDR-04        page:sample-accepted-polling_url * 'polling_url' -> 'status_url' (HDR-04, *",
        "                by test_app.py::test_address: KeyError: 'polling_url'",
        "  not tried                   page:polling-interval *polling interval: [[]5, 10[]] -> [[]20, 20[]]",
        "                how often to poll is advice to callers",
        "noticed 1 of 2 (50 %); 2 not tried, in *",
    ])  # fmt: skip
    assert done.ret == 0
    by_hand = run(suite, "--pixazo-mutant=page:NEW.md:sample-accepted-polling_url")
    by_hand.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("text", "says", "code"),
    [
        (None, "ERROR: page:NEW.md cannot be read: No such file or directory", 4),
        ("# Hello", "ERROR: page:NEW.md is not a page of the vendor: no operation was found: *", 4),
        (OWN, "--pixazo-mutants page:NEW.md: nothing changed in meaning, so there is nothing to try", 0),
    ],
)
def test_a_page_of_which_nothing_can_be_tried(suite: pytest.Pytester, text: str | None, says: str, code: int) -> None:
    """One line says why."""
    if text is not None:
        (suite.path / "NEW.md").write_text(text, encoding="utf-8")
    done = run(suite, "--pixazo-mutants=page:NEW.md")
    (done.stdout if code == 0 else done.stderr).fnmatch_lines([says])
    done.stdout.no_fnmatch_line("*noticed*")
    assert done.ret == code
