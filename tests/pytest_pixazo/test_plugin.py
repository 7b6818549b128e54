"""The plugin weighs nothing in a run that does not use it, does without what it does not need, and names the gateway to look at."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import pytest

import pixazo_client
import pixazo_contracts
import pytest_pixazo
from pytest_pixazo import plugin
from tests.command import python

#: Lists, at the end of a run, which of the modules that cost time were imported.
LISTING = """
import sys

HEAVY = ("pixazo_simulator", "pixazo_client", "pixazo_contracts", "httpx2", "httpx", "hypothesis", "respx", "starlette", "uvicorn", "msgspec")

def pytest_unconfigure():
    ours = sorted(name for name in sys.modules if name.startswith("pytest_pixazo"))
    print("ours:", *ours)
    print("heavy:", *[name for name in HEAVY if name in sys.modules])
"""
#: As if none of these were installed.
ABSENT = """
import sys

for name in ("hypothesis", "respx", "httpx"):
    sys.modules[name] = None
"""
APART = ("-q", "-p", "no:cacheprovider")
pytestmark = pytest.mark.usefixtures("no_other_plugins")


def test_each_name_can_be_had() -> None:
    """What the package offers can be imported from it, though nothing is until then; a name that does not exist is an AttributeError."""
    names = [*dir(pytest_pixazo), "ConectionReset"]
    assert {"Drop", "Fault", "Pixazo", "contains"} <= set(names)
    assert [hasattr(pytest_pixazo, name) for name in names] == [True] * (len(names) - 1) + [False]


OURS = ("pytest_pixazo", "pixazo_simulator", "pixazo_client", "pixazo_contracts")
WITHIN = {
    "spec.policy": "what Simulator.change_settings takes; pixazo_simulator exports it for those who serve",
    "script.effects": "how the server carries out what a fault does",
    "world.deliveries": "what an AdvanceEvent has of a webhook; the names are those of /_sim",
    "world.clock.Begun": "a part of a WorldLog, which is passed on as a whole",
    "world.part.Row": "another one",
}
"""Modules and classes of the simulator that are reached and not exported, and what they are."""


@cache
def names_in(module: ModuleType) -> dict[str, object]:
    """What annotations of a module may name, also what it imports for type checkers only."""
    names = dict(vars(module))
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), inspect.getfile(module), "exec"), names)
    return names


def classes_in(annotation: Any) -> Iterator[type]:
    """The public classes of ours that an annotation names, at any depth."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and kind.__module__.startswith(OURS) and not kind.__name__.startswith("_"):
        yield kind
    within: list[object] = [*get_args(annotation)]
    if isinstance(annotation, list):  # the parameters of a Callable
        within = cast("list[object]", annotation)
    if isinstance(annotation, TypeVar):
        within = [annotation.__bound__]
    for each in within:
        yield from classes_in(each)


def reached_from(thing: Any) -> Iterator[type]:
    """What a function takes and returns, or what the public attributes and methods of a class are, those that it inherits included."""
    if not isinstance(thing, type):
        yield from classes_in([*get_type_hints(thing, names_in(sys.modules[thing.__module__])).values()])
        return
    names: dict[str, object] = {}  # a class is evaluated with what its bases name
    for base in reversed(thing.__mro__):
        if base.__module__.startswith(OURS):
            names |= names_in(sys.modules[base.__module__])
            hints = get_type_hints(base, names, names)  # as locals, too: a TypedDict evaluates in its own module
            yield from classes_in([hint for name, hint in hints.items() if not name.startswith("_")])
            for name, member in vars(base).items():
                function: Any = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if inspect.isfunction(function) and (name == "__enter__" or not name.startswith("_")):
                    yield from reached_from(function)


@pytest.mark.slow
def test_every_type_that_a_test_meets_is_exported() -> None:
    """Whatever can be reached from the annotations of the fixtures and of what is exported is exported, too; a class of the client by it."""
    exported = [getattr(pytest_pixazo, name) for name in dir(pytest_pixazo)]
    fixtures = [inspect.unwrap(getattr(plugin, name)) for name in plugin.__all__ if name.startswith("pixazo")]
    within = tuple(f"pixazo_simulator.{each}" for each in WITHIN)
    seen: set[type] = set()
    coming = [
        each
        for thing in (*exported, *fixtures)
        if inspect.isclass(thing) or inspect.isroutine(thing)
        for each in reached_from(thing)
    ]
    while coming:
        each = coming.pop()
        if each not in seen and not f"{each.__module__}.{each.__name__}".startswith(within):
            seen.add(each)
            coming += reached_from(each)
    client = [getattr(pixazo_client, name) for name in pixazo_client.__all__]
    assert {f"{each.__module__}.{each.__name__}" for each in seen.difference(exported, client)} == set()
    assert {"Pixazo", "WorldState", "Transition", "Transport", "AppUnderTest"} <= {each.__name__ for each in seen}


def test_a_run_without_our_fixtures_imports_nothing(pytester: pytest.Pytester) -> None:
    """A test that uses no fixture of ours, marked or not, makes the plugin import options and hooks, and no library, and print nothing."""
    pytester.makeconftest(LISTING)
    pytester.makepyfile("import pytest\n\n@pytest.mark.pixazo(balance='1.00')\ndef test_nothing(): assert True")
    result = pytester.runpytest_subprocess(*APART, "--strict-markers")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["ours: pytest_pixazo pytest_pixazo.plugin", "heavy:"])
    result.stdout.no_fnmatch_line("*pixazo conduct*")


@pytest.mark.slow
def test_what_a_test_costs(pytester: pytest.Pytester) -> None:
    """The simulator is asked three times for each test, and one TLS context is made for the clients of all."""
    pytester.makeconftest(
        """
        import ssl
        from pixazo_simulator import Simulator

        asked, made = [], []
        ask, create = Simulator.ask, ssl.SSLContext.__new__
        Simulator.ask = lambda self, *request: asked.append(" ".join(request[:2])) or ask(self, *request)

        def pytest_runtest_setup(item):
            if item.name == "test_later":
                asked.clear()
                ssl.SSLContext.__new__ = lambda *given, **named: made.append(given) or create(*given, **named)

        def pytest_unconfigure():
            ssl.SSLContext.__new__ = create
            print("asked:", *asked, len(made))
        """
    )
    pytester.makepyfile("def test_first(pixazo_client): pass\n\ndef test_later(pixazo_client): pass")
    result = pytester.runpytest_subprocess(*APART)
    result.assert_outcomes(passed=2)
    record = "GET /_sim/record?unmatched_after=0&elapsed=True"
    result.stdout.fnmatch_lines([f"asked: POST /_sim/worlds {record.replace('?', '[?]')} DELETE /_sim/world 0"])


@pytest.mark.slow
def test_without_hypothesis_respx_and_httpx(pytester: pytest.Pytester) -> None:
    """A world needs none of them; the fixture that needs respx says what to install."""
    pytester.makepyfile(absent=ABSENT)
    pytester.makepyfile(
        """
        def test_world(pixazo, pixazo_client):
            assert pixazo_client.generate("bear").wait().succeeded

        def test_respx(pixazo_respx):
            pass
        """
    )
    result = pytester.runpytest_subprocess(*APART, "-p", "absent")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["pixazo_respx needs respx and httpx: pip install 'pixazo-testkit[[]respx]'"])


#: What is in a session before the plugin, and what it adds to that.
ADDED = """
import sys
import pytest
before = set(sys.modules)
import pytest_pixazo.plugin
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_imports_nothing() -> None:
    """Beside itself the plugin imports no module that pytest has not imported."""
    assert python(ADDED).split() == ["pytest_pixazo"]


def test_named_endpoint(pytester: pytest.Pytester) -> None:
    """The options give origin and key, and nothing is started."""
    pytester.makepyfile(
        """
        import sys

        def test_endpoint(pixazo_endpoint):
            assert (pixazo_endpoint.url, pixazo_endpoint.api_key) == ("http://127.0.0.1:8900", "KEY")
            assert (pixazo_endpoint.pace, pixazo_endpoint.deadline, pixazo_endpoint.advance) == (None, None, None)
            assert "pixazo_simulator" not in sys.modules
        """
    )
    options = ("--pixazo-url", "http://127.0.0.1:8900", "--pixazo-key", "KEY", "-p", "no:cacheprovider")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


@pytest.mark.slow
def test_without_hypothesis(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Hypothesis is not installed, the clauses are tested all the same and the rest is skipped, not an error."""
    pytester.makepyfile(absent="import sys\n\nsys.modules['hypothesis'] = None")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    options = "--pyargs pixazo_contracts --collect-only -q -p no:cacheprovider -p absent"
    # In an editable install our own conftest.py, which needs Hypothesis, lies above the suite.
    cut = f"--confcutdir={Path(pixazo_contracts.__file__).parent}"
    done = pytester.run(sys.executable, "-m", "pytest", cut, *options.split())
    text = done.stdout.str()
    assert done.ret == 0
    assert "test_clause[STATUS-03]" in text
    assert "test_machine" not in text
