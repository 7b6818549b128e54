"""A result as JUnit XML: one case a clause, and one that fails if the run never ended."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.judge import JUDGED, Finding, Outcome, Result, Verdict
from pixazo_contracts.trace import visible

from .page import page_line
from .terminal import source


def _line(finding: Finding) -> str:
    where = f"{source(finding)}, {finding.where}"
    said = visible(f"{where}: expected {finding.expected}; got {finding.got}")
    return f"{said}\n{visible(finding.curl or '')}"


def _case(suite: Element, verdict: Verdict, *, fails: bool) -> None:
    clause = BY_ID[verdict.clause]
    case = SubElement(suite, "testcase", classname=f"pixazo_contracts.{clause.group}", name=verdict.clause)
    demand = visible(f"{clause.requirement} [{page_line(clause)}]")
    if fails or verdict.outcome is Outcome.ERROR:
        kind = "error" if verdict.outcome is Outcome.ERROR else "failure"
        node = SubElement(case, kind, message=demand, type=verdict.outcome.value)
        node.text = "\n".join([visible(verdict.reason or ""), *map(_line, verdict.findings)]).strip()
    elif verdict.outcome not in JUDGED:
        SubElement(case, "skipped", message=visible(f"{verdict.outcome.value}: {verdict.reason or ''}"))
    if verdict.observation is not None:
        SubElement(case, "system-out").text = visible(verdict.observation)


def render_junit(result: Result, *, strict_drift: bool = False) -> bytes:
    """The result as XML in UTF-8; DRIFT fails only if `strict_drift`."""
    suite = Element("testsuite", name="pixazo-contracts", timestamp=result.meta.started_at[:19])
    suite.set("time", f"{result.meta.seconds:.3f}")
    sentinel = SubElement(suite, "testcase", classname="pixazo_contracts", name="the run ended")
    trouble = result.meta.unusable or result.meta.cut
    if trouble is not None:
        SubElement(sentinel, "error", message=visible(trouble))
    bad = {Outcome.FAIL, Outcome.DRIFT} if strict_drift else {Outcome.FAIL}
    for verdict in result.verdicts:
        _case(suite, verdict, fails=verdict.outcome in bad and verdict.clause not in result.summary.excused)
    for name, path in (("failures", ".//failure"), ("errors", ".//error"), ("skipped", ".//skipped")):
        suite.set(name, str(len(suite.findall(path))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    indent(suite)
    rendered: bytes = tostring(suite, encoding="utf-8", xml_declaration=True)
    return rendered + b"\n"
