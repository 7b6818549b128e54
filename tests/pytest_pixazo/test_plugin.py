"""The plugin weighs nothing in a run that does not use it, does without what it does not need, and names the gateway to look at."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

import pixazo_contracts
import pixazo_simulator
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
APART = ("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:respx")


def test_each_name_can_be_had() -> None:
    """What the package offers can be imported from it, though nothing is until then; a name that does not exist is an AttributeError."""
    names = [*dir(pytest_pixazo), "ConectionReset"]
    assert {"Drop", "Pixazo", "contains"} <= set(names)
    assert [hasattr(pytest_pixazo, name) for name in names] == [True] * (len(names) - 1) + [False]


def names_in(module: ModuleType) -> dict[str, object]:
    """What annotations of a module may name, also what it imports for type checkers only."""
    names = dict(vars(module))
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), inspect.getfile(module), "exec"), names)
    return names


def classes_in(annotation: object) -> Iterator[type]:
    """The classes of ours that an annotation names, at any depth."""
    ours = ("pytest_pixazo", "pixazo_simulator.control", "pixazo_simulator.redirect")
    if isinstance(annotation, type) and annotation.__module__.startswith(ours):
        yield annotation
    for each in get_args(annotation):
        yield from classes_in(each)


def reached_from(thing: Any) -> Iterator[type]:
    """The public classes that a function returns, or that the public attributes and methods of a class are."""
    names = names_in(sys.modules[thing.__module__])
    if not isinstance(thing, type):
        yield from classes_in(get_type_hints(thing, names).get("return"))
        return
    for name, annotation in get_type_hints(thing, names).items():
        yield from classes_in(annotation) if not name.startswith("_") else ()
    for name, member in vars(thing).items():
        function: Any = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if inspect.isfunction(function) and not name.startswith("_"):
            yield from reached_from(function)


def test_every_type_that_a_test_meets_is_exported() -> None:
    """Whatever can be reached from the annotations of the fixtures is a name of pytest_pixazo, or of pixazo_simulator."""
    seen: set[type] = set()
    coming: list[type] = []
    for name in plugin.__all__:
        if name.startswith("pixazo"):
            coming += reached_from(inspect.unwrap(getattr(plugin, name)))
    while coming:
        each = coming.pop()
        if each not in seen:
            seen.add(each)
            coming += reached_from(each)
    public = {each for each in seen if not each.__name__.startswith("_")}
    exported = {*dir(pytest_pixazo), *dir(pixazo_simulator)}
    assert {each.__name__ for each in public} - exported == set()
    assert {"Pixazo", "Exchange", "Journal", "Generation", "Delivery", "Attempt", "Explanation", "Wallet", "Clock", "Entry"} <= {
        each.__name__ for each in public if each.__name__ in dir(pytest_pixazo)
    }  # fmt: skip


def test_a_run_without_our_fixtures_imports_nothing(pytester: pytest.Pytester) -> None:
    """A test that uses no fixture of ours, marked or not, makes the plugin import options and hooks, and no library, and print nothing."""
    pytester.makeconftest(LISTING)
    pytester.makepyfile("import pytest\n\n@pytest.mark.pixazo(balance='1.00')\ndef test_nothing(): assert True")
    result = pytester.runpytest_subprocess(*APART, "--strict-markers")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "ours: pytest_pixazo pytest_pixazo.plugin",
            "heavy:",
        ]
    )
    result.stdout.no_fnmatch_line("*pixazo conduct*")


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


def test_without_hypothesis(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Hypothesis is not installed, the clauses are tested all the same and the rest is skipped, not an error."""
    pytester.makepyfile(absent="import sys\n\nsys.modules['hypothesis'] = None")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    options = "--pyargs pixazo_contracts --collect-only -q -p no:cacheprovider -p no:hypothesispytest -p absent"
    # In an editable install our own conftest.py, which needs Hypothesis, lies above the suite.
    cut = f"--confcutdir={Path(pixazo_contracts.__file__).parent}"
    done = pytester.run(sys.executable, "-m", "pytest", cut, *options.split())
    text = done.stdout.str()
    assert done.ret == 0
    assert "test_clause[STATUS-03]" in text
    assert "test_machine" not in text
