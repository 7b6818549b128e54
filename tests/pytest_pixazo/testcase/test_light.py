"""The plugin weighs nothing in a run that does not use it, and does without what it does not need."""

from __future__ import annotations

import pytest

import pytest_pixazo

pytest_plugins = ("pytester",)

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


def test_a_run_without_our_fixtures_imports_nothing(pytester: pytest.Pytester) -> None:
    """A test that uses no fixture of ours, marked or not, makes the plugin import options and hooks, and no library."""
    pytester.makeconftest(LISTING)
    pytester.makepyfile("import pytest\n\n@pytest.mark.pixazo(balance='1.00')\ndef test_nothing(): assert True")
    result = pytester.runpytest_subprocess(*APART, "--strict-markers")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "ours: pytest_pixazo pytest_pixazo.hookspecs pytest_pixazo.options pytest_pixazo.plugin pytest_pixazo.reports pytest_pixazo.reports.hooks",
            "heavy:",
        ]
    )


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
