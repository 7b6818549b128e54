"""What a test left running is told to that test, and harms no other one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.caller import over_http

from pixazo_simulator import Simulator
from pixazo_simulator.spec import MOST_REMEMBERED
from pixazo_simulator.world.commands import CreateWorld
from pixazo_simulator.world.registry import Settings, Worlds

#: `send` stands for a thread: the first test leaves it behind, the second one lets it call.
LEAVING = """
import pytest
import requests

@pytest.mark.pixazo({marker})
def test_leaving(pixazo, pixazo_client, {more}):
    global send
    handle = pixazo_client.generate("A bear")
    address, key = handle.polling_url, {{"Ocp-Apim-Subscription-Key": pixazo.api_key}}
    media = f"{{pixazo.url}}/v1/{{handle.request_id}}/output.mp4"

    def send():
        for url in {urls}:
            requests.get(url.replace(pixazo.url, {origin!r} or pixazo.url), headers=key, timeout=60)

{between}
def test_innocent(pixazo, {more}):
    send()
    send()
    assert len(pixazo.journal) == 0
"""
WARNING = (
    "*test_it.py:4: LeftRunningWarning: {came} for the world of this test after its end, the last one GET {path}: end the thread,"
    " task or process that sends them before the test ends; make an app that keeps *, anew for each test"
)


def leaving(**parts: str) -> str:
    defaults = {"marker": "", "more": "", "urls": "(address,)", "origin": "", "between": ""}
    return LEAVING.format(**(defaults | parts))


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs a file test_it.py, whose warnings are errors."""

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        return pytester.runpytest("-q", "-p", "no:cacheprovider", "-W", "error", *options)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "came", "path"),
    [
        ({}, "2 requests arrived", "/v2/requests/status/*"),
        ({"urls": "(media,)"}, "2 requests arrived", "/v1/*/output.mp4"),
        ({"urls": "(pixazo.url + '/nowhere',)"}, "2 requests arrived", "/nowhere"),
        (
            {"more": "pixazo_redirect", "urls": "(address, media)", "origin": "https://gateway.pixazo.ai"},
            "4 requests arrived",
            "/v1/*/output.mp4",
        ),
    ],
)
def test_the_test_that_left_it_gets_a_warning(
    run: Callable[..., pytest.RunResult], parts: dict[str, str], came: str, path: str
) -> None:
    """One for all its requests; the innocent passes, and its journal is empty, also where a redirection replaces every key."""
    result = run(leaving(**parts))
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["test_it.py::test_leaving", WARNING.format(came=came, path=path)])
    assert result.ret == 0


@pytest.mark.slow
@pytest.mark.usefixtures("no_other_plugins")
def test_under_xdist(run: Callable[..., pytest.RunResult]) -> None:
    """A worker hands it on."""
    result = run(leaving(), "-p", "xdist", "-n", "1")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["test_it.py::test_leaving", WARNING.format(came="2 requests arrived", path="*")])


def test_on_a_shared_simulator(run: Callable[..., pytest.RunResult], simulator: Simulator) -> None:
    """It is counted there, too, but not what is left of the worlds of other processes, nor what has no world."""
    other = simulator.control().create_world(name="test_it.py::elsewhere")
    other.delete_world()
    strange = (
        f"    requests.get({simulator.url!r}, headers={{'Ocp-Apim-Subscription-Key': {other.api_key!r}}}, timeout=60)\n"
    )
    result = run(leaving() + strange, "--pixazo-sim-url", simulator.url)
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["test_it.py::test_leaving", WARNING.format(came="2 requests arrived", path="*")])


def test_a_test_that_fails_shows_them(run: Callable[..., pytest.RunResult]) -> None:
    """They may be its own, by an app that has read the key of an earlier test."""
    result = run(leaving() + "    assert 401 == 202\n")
    late = "late requests *, GET /v2/*, answered 401: the world of test_it.py::test_leaving was deleted, *"
    result.stdout.fnmatch_lines(["*- pixazo requests for ended worlds -*", late, "end the thread, *each test"])


def test_after_the_last_test(run: Callable[..., pytest.RunResult]) -> None:
    """What comes until the simulator stops is told as well."""
    result = run(leaving().partition("def test_innocent")[0] + "def test_last():\n    send()\n")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines([WARNING.format(came="a request arrived", path="*")])


def test_a_test_that_is_not_strict_is_not_warned(run: Callable[..., pytest.RunResult]) -> None:
    """And the innocent passes all the same."""
    run(leaving(marker="strict=False")).assert_outcomes(passed=2, warnings=0)


def test_a_repeated_test_has_another_key(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult]) -> None:
    """So nothing that its first run left behind reaches its second one; the ids are the same."""
    pytester.makeconftest("""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            if nextitem:
                runtestprotocol(item, nextitem=nextitem, log=False)
        """)
    result = run("""
        def test_again(pixazo, pixazo_client):
            with open("noted.txt", "a") as noted:
                print(pixazo.api_key, pixazo_client.generate("A bear").request_id, file=noted)

        def test_next():
            pass
        """)
    result.assert_outcomes(passed=2)
    first, second = (line.split() for line in (pytester.path / "noted.txt").read_text().splitlines())
    assert first[0] != second[0]
    assert first[1] == second[1]


def test_an_unknown_key_is_an_error_all_the_same(run: Callable[..., pytest.RunResult]) -> None:
    """A key that never opened a world is no remainder."""
    result = run(
        """
        import requests

        def test_wrong(pixazo):
            requests.get(pixazo.url + "/v2/requests/status/a", headers={"Ocp-Apim-Subscription-Key": "any-key"}, timeout=60)
        """
    )
    result.assert_outcomes(passed=1, errors=1)


def test_the_key_of_a_deleted_world_leads_to_its_name(simulator: Simulator) -> None:
    """At the gateway, by the journal; at the control API, in the message."""
    world = simulator.control().create_world(name="tests/test_app.py::test_a")
    world.delete_world()
    before = simulator.control().unmatched(limit=1).total
    over_http(simulator.url)("GET", "/v2/requests/status/a", {"Ocp-Apim-Subscription-Key": str(world.api_key)}, b"")
    (exchange,) = simulator.control().unmatched(after=before).exchanges
    assert (exchange.status, exchange.former) == (401, "tests/test_app.py::test_a")
    assert exchange.hint == (
        "the world of tests/test_app.py::test_a was deleted, but something that it left running still calls: stop it first"
    )
    with pytest.raises(
        Exception, match=r"no world has this key \(that of tests/test_app.py::test_a, which had it, was deleted\)"
    ):
        world.clock()
    with pytest.raises(Exception, match=r"given \(that of tests/test_app.py::test_a, which had it, was deleted\)"):
        simulator.advance(1, api_key=world.api_key)


@pytest.mark.slow
def test_the_memory_is_bounded() -> None:
    """For keys and request ids together."""
    worlds = Worlds(Settings(most_worlds=2))
    for number in range(MOST_REMEMBERED + 1):
        worlds.create(CreateWorld(key=f"key-{number}", name=f"test {number}"))
        worlds.delete(f"key-{number}")
    assert [worlds.former(f"key-{number}") for number in (0, 1, MOST_REMEMBERED)] == [
        None,
        "test 1",
        f"test {MOST_REMEMBERED}",
    ]


def test_an_open_server_opens_no_world_for_what_is_left() -> None:
    """Unless a new world is created for the key."""
    worlds = Worlds(Settings(open_keys=True))
    worlds.create(CreateWorld(key="a-test-key", name="test"))
    worlds.delete("a-test-key")
    assert worlds.find("a-test-key") is None
    assert worlds.create(CreateWorld(key="a-test-key")) is worlds.find("a-test-key")
    assert worlds.former("a-test-key") is None


def test_worlds_of_one_name_and_seed_are_alike_one_after_the_other() -> None:
    """Whatever their keys are; of two that are open at once the second draws by its key."""
    worlds = Worlds(Settings())
    sources: list[str] = []
    for key in ("first-key", "second-key"):
        sources.append(worlds.create(CreateWorld(key=key, name="test", seed=3)).source)
        worlds.delete(key)
    sources += [worlds.create(CreateWorld(key=key, name="test", seed=3)).source for key in ("third-key", "fourth-key")]
    assert sources == ["test", "test", "test", "fourth-key"]
