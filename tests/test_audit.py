"""What tools/audit.py makes of an answer of pip-audit: only a finding fails, and an audit that did not happen says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.command import environment, run_process

AUDIT = Path(__file__).parents[1] / "tools" / "audit.py"
HARMLESS: dict[str, object] = {"name": "click", "version": "8.2", "vulns": []}
UNKNOWN: dict[str, object] = {"name": "trio", "skip_reason": "Dependency not found on PyPI"}
HARMFUL: dict[str, object] = {
    "name": "aiohttp",
    "version": "3.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.2"]}],
}
NOTHING = "audit: nothing was audited, since the service of advisories does not answer"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ({"dependencies": [HARMLESS, UNKNOWN]}, 0, "audit: 1 of 2 packages were audited, 0 vulnerabilities are known\n"),
        ({"dependencies": [HARMLESS, HARMFUL]}, 1, "audit: aiohttp 3.1 has PYSEC-1, mended in 3.2\naudit: 2 of 2 packages were audited, 1 vulnerabilities are known\n"),
        ({"dependencies": [UNKNOWN]}, 0, f"{NOTHING}: it knows none of the packages\n"),
        (None, 0, f"{NOTHING}: no route to host\n"),
    ],
)  # fmt: skip
def test_only_a_finding_fails(tmp_path: Path, answer: object, code: int, said: str) -> None:
    """The answer is that of a module of the same name."""
    printed = f"print({json.dumps(answer)!r})" if answer else "sys.stderr.write('Traceback\\nno route to host')"
    failing = answer is None or code
    (tmp_path / "pip_audit.py").write_text(f"import sys\n{printed}\nsys.exit({int(bool(failing))})\n")
    ran = run_process(sys.executable, AUDIT, tmp_path, env=environment(PYTHONPATH=str(tmp_path)))
    assert (ran.returncode, ran.stderr + ran.stdout) == (code, said)


def test_an_audit_that_cannot_be_begun_fails(tmp_path: Path) -> None:
    """Such as one with an option that pip-audit no longer has."""
    (tmp_path / "pip_audit.py").write_text("import sys\nsys.stderr.write('no such option')\nsys.exit(2)\n")
    ran = run_process(sys.executable, AUDIT, tmp_path, env=environment(PYTHONPATH=str(tmp_path)))
    assert (ran.returncode, ran.stderr) == (2, "no such option\n")
