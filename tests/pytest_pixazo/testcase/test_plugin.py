"""The plugin weighs nothing, and names the gateway to look at."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.command import python

import pixazo_contracts

if TYPE_CHECKING:
    import pytest

#: What is in a session before the plugin, and what it adds to that.
LISTING = """
import sys
import pytest
before = set(sys.modules)
import pytest_pixazo.plugin
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_imports_nothing() -> None:
    """Beside itself the plugin imports no module that pytest has not imported."""
    assert python(LISTING).split() == ["pytest_pixazo"]


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
