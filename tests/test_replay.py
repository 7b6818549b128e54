"""`pixazo-sim replay FILE` and `pytest --pixazo-save-worlds=DIR`: the world of a failed test, looked at elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pixazo_simulator import PROFILES, ControlClient, Settings, Simulator
from pixazo_simulator.control import to_json
from pixazo_simulator.state import WorldLog
from pixazo_simulator.world import clock_factory
from tests.caller import GENERATE, Caller, over_http
from tests.command import Serving, mistake, pixazo_sim

pytest_plugins = ["pytester"]

FAILING = """
import pytest

@pytest.mark.pixazo(seed=7, start="2026-03-31T10:00:00Z")
@pytest.mark.parametrize("ending", ["fails", "passes"])
def test_bear(pixazo, pixazo_client, ending):
    handle = pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/hook")
    pixazo.clock.advance(20)
    assert handle.status().status == "COMPLETED"
    assert ending == "passes"
"""


def test_the_world_of_a_failed_test_is_saved(pytester: pytest.Pytester) -> None:
    """In a file named after it, which the report of the failure names; those of other tests are not."""
    pytester.makepyfile(test_it=FAILING)
    result = pytester.runpytest("-q", "-p", "no:cacheprovider", "--pixazo-save-worlds=worlds/today")
    result.assert_outcomes(failed=1, passed=1)
    (file,) = (pytester.path / "worlds" / "today").iterdir()
    assert re.fullmatch(r"test_it\.py-test_bear-fails-[0-9a-f]{8}\.json", file.name)
    result.stdout.fnmatch_lines(["*- pixazo world -*", f"saved: pixazo-sim replay worlds/today/{file.name}"])
    told = pixazo_sim("replay", "--check", str(file))
    assert told.returncode == 0
    assert re.fullmatch(
        r"world of test_it\.py::test_bear\[fails\] at 2026-03-31T10:00:20\.000Z: [0-9]+ commands replayed, 2 exchanges, 1 generations: "
        r"the same state as when it was saved\n",
        told.stdout,
    )


def test_a_world_is_saved_that_is_gone_when_its_test_fails(pytester: pytest.Pytester) -> None:
    """A fresh one, one whose test the plugin fails at its end, and that of the last test, whose teardown fails."""
    pytester.makepyfile(
        test_it="""
        import pytest

        @pytest.fixture
        def outer():
            yield
            raise OSError

        def test_fresh(pixazo_factory):
            with pixazo_factory.fresh():
                raise OSError

        def test_unused(pixazo):
            pixazo.when("status").reply(429)

        def test_teardown(outer, pixazo):
            pass
        """
    )
    result = pytester.runpytest("-q", "-p", "no:cacheprovider", "--pixazo-save-worlds=worlds")
    result.assert_outcomes(failed=1, passed=2, errors=2)
    assert result.outlines[-1].startswith("1 failed, 2 passed, 2 errors")
    files = [*(pytester.path / "worlds").iterdir()]
    assert sorted(file.name.split("-")[1] for file in files) == ["test_fresh", "test_teardown", "test_unused"]
    assert all("commands" in json.loads(file.read_text()) for file in files)


def saved(folder: Path, state: str = "memory-log") -> tuple[Path, str]:
    """The file of a world with one generation, and its request id."""
    with Simulator(Settings(), state=state) as simulator:
        caller = Caller(over_http(simulator.url), "sim-key")
        request_id = caller.accepted("A bear")
        simulator.control().advance(20)
        document = simulator.control().export_world()
    file = folder / "world.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file, request_id


@pytest.mark.parametrize("state", ["memory", "memory-log"])
def test_a_saved_world_is_served(state: str, tmp_path: Path, serve: Callable[..., Serving]) -> None:
    """Under the key of the ready line, with what it had; its clock stands still until it is advanced."""
    file, request_id = saved(tmp_path, state)
    serving = serve("--api-key", "my-key", str(file), command="replay")
    caller = Caller(over_http(serving.url), "my-key")
    assert caller.call("GET", f"/v2/requests/status/{request_id}").json()["status"] == "COMPLETED"
    assert caller.sim("clock")["clock"] == "manual"
    assert [each["request_id"] for each in caller.sim("generations")["generations"]] == [request_id]


def test_the_past_of_a_saved_world_can_be_looked_at(tmp_path: Path, serve: Callable[..., Serving]) -> None:
    """After each command of the file, from the state with which it begins; what is done then goes on from its end."""
    file, request_id = saved(tmp_path)
    serving = serve("--api-key", "my-key", str(file), command="replay")
    control, caller = ControlClient(serving.url, "my-key"), Caller(over_http(serving.url), "my-key")
    caller.read(request_id)
    history = control.history().entries
    read = f"GET /v2/requests/status/{request_id}: 200"
    assert [each.what for each in history] == [
        "the log begins", "POST /minimax-hailuo-ai/v1/generate: 202", "advance 20 s", read,
    ]  # fmt: skip
    past = [control.generations(at=str(each.position)).generations for each in history]
    assert [[each.status for each in found] for found in past] == [[], ["QUEUED"], ["COMPLETED"], ["COMPLETED"]]
    assert [str(control.world(at=str(each.position)).balance) for each in history] == [
        "100.00",
        "99.65",
        "99.65",
        "99.65",
    ]
    assert (history[0].position, control.journal(at="0").total, control.journal().total) == (0, 0, 2)


@pytest.mark.parametrize("state", ["memory", "memory-log"])
def test_a_clock_that_ran_stands_still_at_the_end(state: str) -> None:
    """At the instant of the last command, however long ago it was; the commands before it are carried out as they were."""
    with Simulator(Settings(clock=clock_factory("x100000")), state=state) as simulator:
        caller = Caller(over_http(simulator.url), "sim-key")
        identity = caller.accepted("A bear")
        while caller.status(identity) != "COMPLETED":
            pass
        document = simulator.control().export_world()
        journal = simulator.control().journal().exchanges
    copy, replayed = Simulator.replaying(msgspec.convert(document, WorldLog), key="another-key")
    with copy:
        control = copy.control()
        assert replayed.is_same
        assert (control.clock().clock, control.clock()) == ("manual", control.clock())
        assert control.clock().now >= journal[-1].at
        assert round(control.clock().now.timestamp() * 1000) == replayed.world.clock.now()
        assert [(each.at, each.response) for each in control.journal().exchanges] == [
            (each.at, each.response) for each in journal
        ]
        before = control.world()
        Caller(over_http(copy.url), "another-key").accepted("B")
        assert control.world(at=str(control.history().entries[-2].position)) == before


def test_a_replayed_world_is_opened_by_its_new_key_only(tmp_path: Path) -> None:
    """Also where the key was sent in the query; neither key is shown."""
    with Simulator(
        Settings(keys=("canary-77a1-0b4e",), policy=PROFILES["documented"].changed({"query_key": "accept"})),
        state="memory-log",
    ) as simulator:
        send = over_http(simulator.url)
        assert (
            send(
                "POST",
                f"{GENERATE}?subscription-key=canary-77a1-0b4e",
                {"Content-Type": "application/json"},
                b'{"prompt": "A"}',
            ).status
            == 202
        )
        document = simulator.control().export_world()
    copy, replayed = Simulator.replaying(msgspec.convert(document, WorldLog), key="canary-new/+key")
    with copy:
        control = copy.control()
        shown = json.dumps([to_json(each) for each in (control.journal(), control.history(), control.unmatched())])
        assert (
            [each.status for each in control.journal().exchanges]
            == [each.status for each in replayed.responses]
            == [202]
        )
    assert "canary" not in shown
    assert control.api_key == "canary-new/+key"


def test_another_state_than_was_saved_exits_1(tmp_path: Path) -> None:
    """As when a part of the file is missing, or another version carries the commands out otherwise."""
    file, _ = saved(tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(document | {"commands": []}), encoding="utf-8")
    ended = pixazo_sim("replay", "--check", str(file))
    assert ended.returncode == 1
    assert ended.stdout.endswith(": not the same state as when it was saved\n")


def test_another_outcome_than_with_the_secrets_that_were_hidden_exits_1(tmp_path: Path) -> None:
    """The state is the one that was saved, and yet not what happened."""
    file, _ = saved(tmp_path)
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(document | {"outcome": "0" * 32}), encoding="utf-8")
    ended = pixazo_sim("replay", "--check", str(file))
    assert ended.returncode == 1
    said = "requests or webhooks end otherwise than with the secrets that were hidden in the file"
    assert ended.stdout.endswith(f": the same state as when it was saved; {said}\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no JSON", "is neither the log of a world (JSON is malformed"),
        (
            "{}",
            "(Object missing required field `begun`), as GET /_sim/world/log and pytest --pixazo-save-worlds=DIR give, nor a trace, as",
        ),
        (
            '{"begun":{"at":0,"start":0},"state":[],"commands":[],"digest":"","form":9}',
            "cannot be replayed: the log has format 9",
        ),
    ],
)
def test_any_other_file_is_refused(content: str, said: str, tmp_path: Path) -> None:
    """In one line, with exit code 2."""
    file = tmp_path / "world.json"
    file.write_text(content, encoding="utf-8")
    assert said in mistake("replay", str(file))


def test_a_folder_that_cannot_be_written_is_told(pytester: pytest.Pytester) -> None:
    """The test fails as it would without."""
    pytester.makepyfile(test_it=FAILING)
    pytester.makefile(".txt", file="")
    result = pytester.runpytest("-q", "-p", "no:cacheprovider", "--pixazo-save-worlds=file.txt")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["the world could not be saved in file.txt*"])
