"""Which failures explain others: those on records that the others depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixazo_contracts.clauses import Clause
from pixazo_contracts.trace import Callback, Exchange

#: A record that a finding depends on: whether it is a callback, and its number in the trace.
Record = tuple[bool, int]
Records = frozenset[Record]


def record(source: Exchange | Callback) -> Record:
    """The identity of a record of the trace."""
    return isinstance(source, Callback), source.number


def _roots(clauses: Sequence[Clause]) -> dict[str, list[str]]:
    """The clauses on which each depends, also through others, except those that depend on it in turn."""
    depends_on = {clause.id: clause.depends_on for clause in clauses}
    reached: dict[str, set[str]] = {}
    for clause_id, needed in depends_on.items():
        found, waiting = reached.setdefault(clause_id, set()), list(needed)
        while waiting:
            root = waiting.pop()
            if root in depends_on and root not in found:
                found.add(root)
                waiting += depends_on[root]
    return {
        i: [root for root in depends_on if root in roots and i not in reached[root]] for i, roots in reached.items()
    }


def explain(
    clauses: Sequence[Clause], spoiled: Mapping[str, Records], findings: Mapping[str, Sequence[Records]]
) -> dict[str, tuple[str, ...]]:
    """The clauses whose findings are all explained, each with the failed clauses that explain them.

    `spoiled` are the records on which each clause failed, `findings` the records that each finding of a clause depends on: it is
    explained if a clause on which this one depends failed on one of them. Without a finding, any failure of such a clause is
    the explanation.
    """
    if not spoiled:
        return {}
    roots, causes = _roots(clauses), dict[str, list[str]]()
    for clause_id, rests in findings.items():
        failed = [root for root in roots[clause_id] if root in spoiled]
        guilty = [[root for root in failed if spoiled[root] & records] for records in rests] or [failed]
        if all(guilty):
            causes[clause_id] = [root for root in failed if any(root in each for each in guilty)]

    def ends(clause_id: str) -> set[str]:
        """The causes that nothing else explains."""
        return {end for cause in causes[clause_id] for end in (ends(cause) if cause in causes else {cause})}

    return {i: tuple(clause.id for clause in clauses if clause.id in ends(i)) for i in causes}
