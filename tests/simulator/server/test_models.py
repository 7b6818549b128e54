"""Operations of model files, as callers meet them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller, over_http
from tests.receiver import Receiver
from tests.simulator.server.console.visitor import Visitor

from pixazo_simulator import (
    ControlClient,
    ControlError,
    ModelCall,
    Settings,
    Simulator,
    SimulatorError,
    Transport,
    When,
)
from pixazo_simulator.mutants import find_mutant
from pixazo_simulator.server import model_names, read_models
from pixazo_simulator.spec import Operation
from pixazo_simulator.state import WorldLog

MODELS = tuple(str(Path(__file__).parents[2] / "models" / f"{name}.toml") for name in ("clips", "sounds"))
CLIP, SOUND, PICTURE = "/clip-video/v1/text-to-video", "/sounds/v1/generate", "/pictures/v1/getData"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A simulator that serves both model files."""
    with Simulator(Settings(open_keys=True), models=MODELS) as running:
        yield running


@pytest.fixture
def caller(simulator: Simulator, request: pytest.FixtureRequest) -> Caller:
    """A caller with a world of its own."""
    return Caller(over_http(simulator.url), f"key-{request.node.name}".replace("[", "-").replace("]", ""))


def submitted(caller: Caller, path: str, **members: object) -> str:
    """The request id of a submission that must be accepted."""
    reply = caller.call("POST", path, members)
    assert reply.status == 202, reply.body
    request_id: str = reply.json()["request_id"]
    return request_id


def balance(caller: Caller) -> str:
    """Dollars in the wallet."""
    dollars: str = caller.sim("world")["balance"]
    return dollars


def test_a_submission_is_queued_and_ends_with_its_media(caller: Caller) -> None:
    """Ids and envelopes have the model id of the operation, which may hold an underscore."""
    identity = submitted(caller, CLIP, prompt="A bear")
    assert identity.startswith("clip_video_")
    assert caller.status(identity) == "QUEUED"
    caller.advance(60)
    body = caller.read(identity).json()
    assert (body["status"], body["model_id"]) == ("COMPLETED", "clip_video")


@pytest.mark.parametrize(
    ("path", "members", "name", "kind", "begins"),
    [
        (CLIP, {"prompt": "A bear"}, "output.mp4", "video/mp4", b"\0\0\0 ftyp"),
        (SOUND, {"input": {"prompt": "A bell"}}, "output.mp3", "audio/mpeg", b"ID3"),
        ("/voices/v1/speak", {}, "output.wav", "audio/wav", b"RIFF"),
        ("/photos/v1/make", {}, "output.jpeg", "image/jpeg", b"\xff\xd8\xff"),
    ],
    ids=["mp4", "mp3", "wav", "jpeg"],
)
def test_each_kind_of_media(
    caller: Caller, path: str, members: dict[str, Any], name: str, kind: str, begins: bytes
) -> None:
    """Extension, Content-Type and media_type of the envelope fit the file."""
    identity = submitted(caller, path, **members)
    caller.advance(60)
    output = caller.read(identity).json()["output"]
    reply = caller.call("GET", f"/v1/{identity}/output.{name.partition('.')[2]}")
    assert output["media_url"][0].endswith(f"/{name}")
    assert (output["media_type"], reply.headers["content-type"]) == (kind, kind)
    assert reply.body.startswith(begins)


def test_media_types_follow_the_policy(caller: Caller) -> None:
    """The page prints application/octet-stream, and so it is under that policy."""
    caller.change(policy={"media": "placeholder"})
    identity = submitted(caller, SOUND, input={"prompt": "A bell"})
    caller.advance(60)
    output = caller.read(identity).json()["output"]
    assert output["media_type"] == "application/octet-stream"
    assert output["media_url"][0].endswith("/output.ext")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "prompt is required."),
        ({"prompt": 1}, "prompt must be a string, not the number 1."),
        ({"prompt": "ab"}, "prompt must have at least 3 characters, not 2."),
        ({"prompt": "a" * 21}, "prompt must have at most 20 characters, not 21."),
        ({"prompt": "A bear", "duration": 6}, "duration must be one of 5, 8, not the number 6."),
        ({"prompt": "A bear", "duration": 5.5}, "duration must be one of 5, 8, not the number 5.5."),
        ({"prompt": "A bear", "duration": True}, "duration must be one of 5, 8, not true."),
        ({"prompt": "A bear", "resolution": "1080p"}, 'resolution must be one of "480p", "720p", not the string "1080p".'),
        ({"prompt": "A bear", "guidance": 0}, "guidance must be greater than 0, not 0."),
        ({"prompt": "A bear", "guidance": 20.5}, "guidance must be at most 20, not 20.5."),
        ({"prompt": "A bear", "images": [{"url": "https://a.test/1"}] * 3}, "images must have at most 2 items, not 3."),
        ({"prompt": "A bear", "images": [{"url": "https://a.test/1"}, "?"]}, "images[1].url is required."),
        ({"prompt": "A bear", "images": [{"url": "data:image/png;base64,AAAAAAAAAAAA"}]}, "images[0].url must have at most 6 bytes, not 9."),
        ({"prompt": "A bear", "images": [{"url": "?"}]}, "images[0].url must be an absolute http or https URL: it has no scheme such as https, and it is not Base64."),
        ({"prompt": "A bear", "camera": {}}, "camera.zoom is required."),
        ({"input": "A bell"}, "input.prompt is required."),
        ({"prompt": "A bear", "webhook": "ftp://a.test"}, 'webhook must be an absolute http or https URL: its scheme is "ftp".'),
    ],
)  # fmt: skip
def test_what_is_refused(simulator: Simulator, members: dict[str, object], message: str) -> None:
    """400 in the form that the page's operations have, with the place and the remedy."""
    reply = Caller(over_http(simulator.url), "key-refused").call("POST", SOUND if "input" in members else CLIP, members)
    assert (reply.status, reply.json()) == (400, {"error": "Invalid request", "message": message})


@pytest.mark.parametrize(
    "members",
    [
        {"prompt": "A bear", "duration": 8.0, "guidance": 20, "camera": {"zoom": False}, "extra": [None]},
        {"prompt": "A bear", "images": [{"url": "https://a.test/1.png"}, {"url": "data:image/png;base64,AAAAAAAA"}]},
        {"prompt": "A bear", "images": [], "unheard": 1},
    ],
)
def test_what_is_accepted(caller: Caller, members: dict[str, object]) -> None:
    """Objects that are not sent have no members that are missing; an unknown member is ignored, as the policy says."""
    submitted(caller, CLIP, **members)


def test_an_unknown_member_is_refused_where_the_policy_says(caller: Caller) -> None:
    caller.change(policy={"unknown_members": "refuse"})
    reply = caller.call("POST", CLIP, {"prompt": "A bear", "guidence": 1})
    assert "guidence is not a parameter of this operation (did you mean guidance?)" in reply.json()["message"]


@pytest.mark.parametrize(
    ("members", "left"),
    [({}, "99.50"), ({"duration": 8}, "99.20"), ({"resolution": "720p"}, "99.00"), ({"duration": 8, "resolution": "720p"}, "98.40")],
    ids=["defaults", "long", "large", "both"],
)  # fmt: skip
def test_the_price_of_the_file_is_charged(caller: Caller, members: dict[str, object], left: str) -> None:
    """By resolution, times the duration; an empty wallet gets 402."""
    submitted(caller, CLIP, prompt="A bear", **members)
    assert balance(caller) == left
    caller.change(balance="0.10")
    assert caller.call("POST", CLIP, {"prompt": "A bear"}).status == 402


def test_a_price_of_the_policy_that_names_the_operation_comes_first(caller: Caller) -> None:
    """One that names none is for operations without a price of their own."""
    caller.change(policy={"price": "clip-video/text-to-video/*=1.25, *=7"})
    submitted(caller, CLIP, prompt="A bear")
    submitted(caller, SOUND, input={"prompt": "A bell"})
    assert balance(caller) == "98.72"
    submitted(caller, "/voices/v1/speak")
    assert balance(caller) == "91.72"


def test_an_operation_that_is_not_queued_answers_at_once(caller: Caller) -> None:
    """200 with the template filled in; the media is there, and nothing was charged."""
    reply = caller.call("POST", PICTURE, {"prompt": "A bear"})
    body = reply.json()
    assert (reply.status, body["all"]) == (200, ["2026-03-31T10:00:00.000Z", 1])
    assert body["output"].endswith(f"/v1/{body['id']}/output.png")
    media = caller.call("GET", f"/v1/{body['id']}/output.png")
    assert (media.status, media.headers["content-type"], media.body[1:4]) == (200, "image/png", b"PNG")
    assert balance(caller) == "100.00"
    assert caller.call("POST", PICTURE, {}).status == 400
    assert caller.call("POST", PICTURE, {"prompt": "[[sim:failed no]]"}).json()["message"] == "no"


def test_webhooks_reach_both_channels(caller: Caller) -> None:
    """The header, and the parameter that the file calls a callback."""
    caller.change(policy={"callback_url": "post", "both_channels": "each"})
    with Receiver() as receiver:
        headers = {"X-Webhook-URL": receiver.url + "/header"}
        reply = caller.call("POST", CLIP, {"prompt": "A bear", "webhook": receiver.url + "/member"}, headers)
        assert reply.status == 202
        caller.advance(60)
        sent = [(each.path, json.loads(each.body)["model_id"]) for each in receiver.wait(2)]
    assert sorted(sent) == [("/hook/header", "clip_video"), ("/hook/member", "clip_video")]


def test_marks_keys_and_switches_work(caller: Caller) -> None:
    """Magic prompts, also in a member of an object; suspended keys; disabled models; unknown keys."""
    identity = submitted(caller, SOUND, input={"prompt": "A bell [[sim:failed cracked]]"})
    caller.advance(60)
    assert caller.read(identity).json()["error"] == "cracked"
    caller.change(model_enabled=False)
    assert caller.call("POST", CLIP, {"prompt": "A bear"}).json()["error"] == "Model not found"
    caller.change(suspended=True)
    assert caller.call("POST", CLIP, {"prompt": "A bear"}).status == 403
    assert Caller(caller.send, "").call("POST", CLIP, {"prompt": "A bear"}).status == 401
    assert caller.call("GET", CLIP).status == 404


def test_rules_are_about_one_operation_or_all(simulator: Simulator, caller: Caller) -> None:
    """Rules may name it, `submit` and `request` mean it, too; a rule about another operation does not touch it."""
    control = caller_control(simulator, caller)
    When(control, "generate").reply(418)
    When(control, ModelCall("clip-video/text-to-video"), prompt="A bear", body={"duration": 8}).reply(429, times=1)
    When(control, "submit").reply(503, times=1)
    replies = [caller.call("POST", CLIP, {"prompt": "A bear", "duration": 8}).status for _ in range(3)]
    assert replies == [429, 503, 202]
    with pytest.raises(
        ControlError,
        match=r"when 'clip-video/txt' is not one of .* \(did you mean clip-video/text-to-video\?\): serve its model with --model",
    ):
        When(control, ModelCall("clip-video/txt")).reply(503)


def caller_control(simulator: Simulator, caller: Caller) -> ControlClient:
    """A client of the control API for the world of a caller."""
    caller.read("x")  # which opens the world
    return ControlClient(simulator.url, caller.key)


def test_the_journal_and_its_filters_name_the_operation(simulator: Simulator, caller: Caller) -> None:
    """By its name, or as one of all submissions; those of the page are told apart."""
    submitted(caller, CLIP, prompt="A bear")
    caller.generate()
    control = caller_control(simulator, caller)
    assert [each.operation for each in control.journal(operation=ModelCall("clip-video/text-to-video")).exchanges] == [
        "clip-video/text-to-video"
    ]
    assert len(control.journal(operation="submit").exchanges) == 2
    assert len(control.verify({"exchanges": {"operation": "submit"}, "at_least": 2}).exchanges) == 2
    assert [each.operation for each in control.generations().generations] == ["clip-video/text-to-video", "generate"]
    told = control.explain("POST", CLIP, body={"prompt": "x"})
    assert "at least 3 characters" in str(told)


def test_a_transport_and_the_client_reach_them(simulator: Simulator) -> None:
    """The client's `submit` takes any path."""
    from pixazo_client import PixazoClient

    with PixazoClient(api_key="key-client", base_url=simulator.url) as client:
        accepted = client.submit(SOUND, {"input": {"prompt": "A bell"}})
        assert accepted.request_id.startswith("sounds_")
    assert isinstance(simulator.transport(), Transport)


def test_without_models_their_paths_are_unknown() -> None:
    """They are off unless asked for."""
    with Simulator() as simulator:
        assert Caller(over_http(simulator.url), "sim-key").call("POST", CLIP, {"prompt": "A bear"}).status == 400


def test_every_model_that_comes_along_is_served() -> None:
    """`all` is every one of them, and no two have one path."""
    with Simulator(models=["all"]) as simulator:
        assert {each.model for each in simulator.settings.models} == {*model_names()}


VALUES: dict[str, Any] = {
    "string": "A bear",
    "integer": 5,
    "number": 1.5,
    "boolean": True,
    "array": ["https://example.com/a.png"],
    "object": {},
    "any": "A bear",
}


def smallest(operation: Operation) -> dict[str, Any]:
    """A body with what an operation requires, and nothing else."""
    body: dict[str, Any] = {}
    for each in operation.parameters:
        is_outer = any(
            re.match(rf"{re.escape(each.name)}(\[\])?\.", other.name)
            for other in operation.parameters
            if other.required
        )
        if (each.required and not is_outer) or each.callback:
            value = each.enumeration[0] if each.enumeration else VALUES[each.type]
            if each.formats or each.callback:
                value = VALUES["array"] if each.type == "array" else VALUES["array"][0]
            if each.minimum is not None:
                value = int(each.minimum) + 1
            *outer, last = each.name.split(".")
            at = body
            for name in outer:
                inner: Any = [{}] if name.endswith("[]") else {}
                inner = at.setdefault(name.removesuffix("[]"), inner)
                at = cast("dict[str, Any]", inner[0] if name.endswith("[]") else inner)
            at.setdefault(last, value)
    return body


@pytest.mark.slow
def test_every_operation_that_comes_along_reaches_its_media() -> None:
    """With the smallest body that its file allows; and an empty one is refused."""
    with Simulator(models=["all"]) as simulator:
        caller = Caller(over_http(simulator.url), "sim-key")
        caller.call("POST", "/_sim/ledger", {"adjust": "1000"})
        assert len(simulator.settings.models) > 70
        for each in simulator.settings.models:
            reply = caller.call("POST", each.path, smallest(each))
            assert reply.status == (202 if each.response is None else 200), (each.path, smallest(each), reply.body)
            assert (
                not any(parameter.required for parameter in each.parameters)
                or caller.call("POST", each.path, {}).status == 400
            )
            if each.response is None:
                identity = reply.json()["request_id"]
                assert identity.startswith(f"{each.model_id}_")
                caller.advance(60)
                media = caller.read(identity).json()["output"]["media_url"][0]
            else:
                (media,) = (text for text in re.findall(r'http[^"]+', reply.body.decode()))
            assert caller.send("GET", urlsplit(str(media)).path, {}, b"").headers["content-length"] != "0"


def test_two_models_with_one_path_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(Path(MODELS[1]).read_text().replace('model = "sounds"', 'model = "other"'))
    with (
        pytest.raises(
            SimulatorError, match=r"model other: POST /sounds/v1/generate is also in model sounds: serve one of the two"
        ),
        Simulator(models=[MODELS[1], str(other)]),
    ):
        pass


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('type = "any"', 'type = "text"'), "operations[0].parameters[9].type 'text': give any"),
        (('name = "extra"', 'name = "prompt"'), "operations[0].parameters: prompt is defined twice"),
        (('per = "duration"', 'per = "seconds"'), "operations[0].price: seconds is not one of its parameters"),
        (('base = "0.10"', 'base = "free"'), "dollars in quotation marks"),
        (("max_length", "maxlength"), "unknown field `maxlength` (did you mean max_length?)"),
        (('path = "/clip-video/v1/text-to-video"', 'path = "/v2/requests/status/x"'), "give the path of a POST"),
        (('title = "Clips API"', "title = "), "is not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """File, key, value and remedy in one line."""
    file = tmp_path / "wrong.toml"
    file.write_text(Path(MODELS[0]).read_text().replace(*change))
    with pytest.raises(ValueError, match=r"model .*wrong\.toml") as caught:
        read_models([str(file)])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused_with_those_that_are_there() -> None:
    """A file is one that ends in .toml."""
    with pytest.raises(ValueError, match=r"model 'nothing' is not one of .*all, nor a file that ends in \.toml"):
        read_models(["nothing"])
    with pytest.raises(ValueError, match=r"model gone\.toml cannot be read: No such file or directory"):
        read_models(["gone.toml"])


def test_the_gateway_is_described_as_openapi(caller: Caller) -> None:
    """The document is valid, has every operation with its rules, and says where each comes from and what is not checked."""
    document = caller.call("GET", "/openapi.json").json()
    OpenAPIV31SpecValidator(document).validate()
    described = document["paths"][CLIP]["post"]
    assert described["x-pixazo-label"] == "vendor page, 2026-04-15, second hand"
    body = described["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["prompt"]
    properties = body["properties"]
    assert properties["prompt"] == {"type": "string", "minLength": 3, "maxLength": 20, "description": "What is seen."}
    assert properties["guidance"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 20}
    image = properties["images"]["items"]
    assert (image["required"], image["properties"]["url"]["x-pixazo-unchecked"]) == (["url"], ["Aspect ratio 16:9."])
    assert properties["camera"] == {"type": "object", "properties": {"zoom": {"type": "boolean"}}, "required": ["zoom"]}
    assert {*document["paths"]} > {GENERATE, IMAGE_TO_VIDEO, SOUND, PICTURE, "/v2/requests/status/{request_id}"}
    assert next(iter(document["paths"][PICTURE]["post"]["responses"])) == "200"


@pytest.mark.parametrize(
    ("name", "member"), [("id-from-body", "request_id"), ("polling-url-without-prefix", "polling_url")]
)
def test_a_mutant_that_is_not_about_parameters_changes_them_too(name: str, member: str) -> None:
    """What it does to submissions of the page it does to others."""
    bodies = list[dict[str, str]]()
    for change in (None, find_mutant(name)):
        with Simulator(models=MODELS, change=change) as simulator:
            caller = Caller(over_http(simulator.url), "sim-key")
            bodies.append(caller.call("POST", SOUND, {"input": {"prompt": "A bell"}}).json())
    assert bodies[1][member].rpartition("/")[2] != bodies[0][member].rpartition("/")[2]
    assert bodies[1]["request_id"].startswith("sounds_")


@pytest.mark.parametrize("state", ["memory-log"])
def test_a_world_of_a_log_is_replayed_with_its_models(state: str) -> None:
    """The commands of the log come to the same state where the models are loaded."""
    with Simulator(models=MODELS, state=state) as simulator:
        caller = Caller(over_http(simulator.url), "sim-key")
        identity = submitted(caller, SOUND, input={"prompt": "A bell"})
        caller.advance(60)
        caller.read(identity)
        exported = msgspec.json.decode(caller.call("GET", "/_sim/world/log").body, type=WorldLog)
    _, replayed = Simulator.replaying(exported, models=MODELS)
    assert replayed.is_same
    assert [each.model_id for each in replayed.world.generations()] == ["sounds"]


def test_submit_covers_them_and_a_list_of_operations_does_not(simulator: Simulator) -> None:
    """A condition means what was written."""
    control = ControlClient(simulator.url).create_world()
    submitted(Caller(over_http(simulator.url), str(control.api_key)), SOUND, input={"prompt": "A bell"})
    for operation, count in (("submit", 1), ({"one_of": ["generate", "imageToVideo"]}, 0)):
        found = control.verify({"exchanges": {"operation": operation}, "at_least": 0})
        assert len(found.exchanges) == count


def test_a_world_may_begin_with_their_generations(simulator: Simulator) -> None:
    """Named by operation, with the price of the file; an unknown one is refused with the remedy."""
    control = ControlClient(simulator.url)
    control.create_world(
        key="key-begun", balance="1.00", generations=[{"status": "COMPLETED", "operation": "sounds/generate"}]
    )
    begun = ControlClient(simulator.url, "key-begun").generations().generations
    (identity,) = (each.request_id for each in begun)
    caller = Caller(over_http(simulator.url), "key-begun")
    assert caller.read(identity).json()["output"]["media_type"] == "audio/mpeg"
    assert [each["amount"] for each in caller.sim("ledger")["entries"]][1:] == ["-0.03"]
    with pytest.raises(
        ControlError, match=r"generations\[0\]: operation 'sounds/make' is not one of .*serve its model"
    ):
        control.create_world(generations=[{"status": "QUEUED", "operation": "sounds/make"}])


def test_the_console_shows_them(simulator: Simulator, caller: Caller) -> None:
    """The form has what an operation requires, and each kind of media has an element of its own."""
    visitor = Visitor(caller.send)
    submitted(caller, SOUND, input={"prompt": "A bell"})
    submitted(caller, "/photos/v1/make")
    caller.advance(60)
    worlds = ControlClient(simulator.url).worlds().worlds
    here = f"/worlds/{max(each.number for each in worlds)}"
    form = unescape(visitor.get(f"{here}/try?operation=sounds/generate").body.decode())
    assert '"prompt": "A bear"' in form
    assert "clip-video/text-to-video" in form
    page = visitor.get(f"{here}/videos").body
    assert b"<audio controls" in page
    assert b'alt="Picture of photos_' in page
    sent = visitor.post(f"{here}/send", {"operation": "sounds/generate", "body": '{"input": {"prompt": "A bell"}}'})
    assert sent.status == 200
    assert caller.sim("journal")["exchanges"][-1]["submitted"] == "sounds/generate"


def test_a_misspelt_path_is_told_the_nearest(caller: Caller) -> None:
    """The journal names the operation that was probably meant."""
    caller.call("POST", "/clip-video/v1/text-to-vidoe", {"prompt": "A bear"})
    assert f"(did you mean POST {CLIP}?)" in caller.sim("journal")["exchanges"][-1]["hint"]


@pytest.mark.parametrize(
    ("members", "charged"),
    [
        ({"duration": -5}, "0.00"), ({"duration": 0}, "0.00"), ({"duration": 5.0, "audio": False}, "2.50"), ({"duration": 2, "audio": True}, "4.00"),
        ({}, "0.10"), ({"duration": 3}, "0.30"),
    ],
)  # fmt: skip
def test_a_price_follows_its_parameters(tmp_path: Path, members: dict[str, object], charged: str) -> None:
    """Never below nothing; by a switch, and by a number however it is written."""
    place = tmp_path / "priced.toml"
    place.write_text(
        'model = "p"\ntitle = "P"\nsource = "s"\ndate = 2026-04-15\nlabel = "l"\n[[operations]]\npath = "/p/v1/go"\nmodel_id = "p"\n'
        'title = "P"\noutput = "png"\n[operations.price]\nbase = "0.10"\nby = "audio"\nvalues = { "true" = "2", "false" = "0.50" }\n'
        'per = "duration"\n[[operations.parameters]]\nname = "duration"\ntype = "number"\nmaximum = 10\n'
        '[[operations.parameters]]\nname = "audio"\ntype = "boolean"\n',
        encoding="utf-8-sig",
    )
    with Simulator(models=[str(place)]) as simulator:
        caller = Caller(over_http(simulator.url), simulator.api_key)
        assert caller.call("POST", "/p/v1/go", members).status == 202
        assert Decimal(100) - Decimal(caller.sim("world")["balance"]) == Decimal(charged)
        too_large = caller.call("POST", "/p/v1/go", {"duration": int("9" * 400)})
        assert (too_large.status, "at most 10" in too_large.body.decode()) == (400, True)


def test_one_text_is_no_list_of_models() -> None:
    """It would be read letter by letter."""
    with pytest.raises(ValueError, match=r"models 'ltx-video' is a string: give a list"):
        Simulator(models="ltx-video")


def test_what_a_log_remembers_of_its_models_stays_the_same() -> None:
    """Members and their order: a log that was begun with models opens only where they give the same text."""
    for operation in read_models(["all"]):
        assert list(json.loads(msgspec.json.encode(operation))) == [
            "name", "path", "model_id", "title", "output", "parameters", "price", "response", "on_page", "model", "source", "date",
            "label", "names", "prompt", "callback", "limited", "plain",
        ]  # fmt: skip
