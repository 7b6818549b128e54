"""Looks up the packages of an environment among known vulnerabilities: `python tools/audit.py SITE_PACKAGES`.

A finding fails. Where the service of advisories does not answer, as behind an index that has packages only, it says so and passes.
"""

from __future__ import annotations

import json
import subprocess
import sys


def main(place: str) -> int:
    """Print what pip-audit found, and return the exit code."""
    command = (sys.executable, "-m", "pip_audit", "--path", place, "--skip-editable", "--progress-spinner", "off")
    ran = subprocess.run((*command, "--format", "json"), capture_output=True, text=True, check=False)
    if ran.returncode not in {0, 1}:  # a mistake in the command
        print(ran.stderr, file=sys.stderr)
        return ran.returncode
    try:
        packages, why = json.loads(ran.stdout)["dependencies"], "it knows none of the packages"
    except ValueError:
        packages, why = [], (ran.stderr.strip().splitlines() or ["no answer"])[-1]
    known = [each for each in packages if "vulns" in each]
    if not known:
        print(f"audit: nothing was audited, since the service of advisories does not answer: {why}")
        return 0
    findings = [(each, found) for each in known for found in each["vulns"]]
    for each, found in findings:
        mended = ", ".join(found["fix_versions"]) or "no version yet"
        print(f"audit: {each['name']} {each['version']} has {found['id']}, mended in {mended}", file=sys.stderr)
    print(f"audit: {len(known)} of {len(packages)} packages were audited, {len(findings)} vulnerabilities are known")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
