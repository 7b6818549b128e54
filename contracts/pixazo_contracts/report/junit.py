"""A result as JUnit XML: one case per clause, and one that fails if something is wrong with the run itself."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import JUDGED, ExitCode, Outcome, Result, Verdict
from pixazo_contracts.trace import visible

from .terminal import ENDS, finding_line, page_line, repeat_command


def _case(suite: Element, result: Result, verdict: Verdict, *, fails: bool) -> None:
    """A clause is skipped if it was not judged, or is a known deviation."""
    clause = BY_ID[verdict.clause]
    case = SubElement(suite, "testcase", classname=f"pixazo_contracts.{clause.group}", name=verdict.clause)
    demand, why = f"{clause.requirement} [{page_line(clause)}]", verdict.reason or ""
    judged = verdict.outcome in JUDGED and verdict.clause not in result.summary.excused
    if fails or not judged:
        kind = "skipped" if not fails else "failure" if judged else "error"
        message, first = (demand, why) if judged else (f"{verdict.outcome.value}: {why}", demand)
        node = SubElement(case, kind, message=visible(message), type=verdict.outcome.value)
        again = f"again: {repeat_command(result, verdict)}" if fails else ""
        findings = (line for finding in verdict.findings for line in (finding_line(finding), finding.curl or ""))
        node.text = "\n".join(map(visible, (first, *findings, again))).strip()
    if verdict.observation is not None:
        SubElement(case, "system-out").text = visible(verdict.observation)


def render_junit(result: Result, *, strict_drift: bool = False) -> bytes:
    """The result as XML in UTF-8; DRIFT fails only with `strict_drift`, a missing clause only if it fails the run."""
    meta = result.meta
    suite = Element("testsuite", name="pixazo-contracts", timestamp=meta.started_at[:19], time=f"{meta.seconds:.3f}")
    sentinel = SubElement(suite, "testcase", classname="pixazo_contracts", name="the run ended")
    bad = {Outcome.FAIL, Outcome.ERROR, *([Outcome.DRIFT] if strict_drift else [])}
    missing = {each.clause for each in result.summary.missing if each.fails}
    for verdict in result.verdicts:
        fails = verdict.outcome in bad or verdict.clause in missing
        _case(suite, result, verdict, fails=fails and verdict.clause not in result.summary.excused)
    silent = result.exit_code and suite.find(".//failure") is None and suite.find(".//error") is None
    if trouble := "; ".join(result.troubles) or (silent and ENDS[ExitCode(result.exit_code)]):
        SubElement(sentinel, "error", message=visible(trouble))
    for name, path in (("failures", ".//failure"), ("errors", ".//error"), ("skipped", ".//skipped")):
        suite.set(name, str(len(suite.findall(path))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    indent(suite)
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True)) + b"\n"
