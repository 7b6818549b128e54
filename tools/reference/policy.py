"""docs/reference/policy.md: the policy as a table."""

from __future__ import annotations

from pixazo_simulator.spec import PolicyDecision, rows

from .markdown import table

__all__ = ["page"]

_HEAD = """\
# Where the page is silent or contradicts itself

The vendor's page is the only normative text about the gateway. Every behaviour of the simulator that it does not decide is one row of
this table, and nearly every row is a field of the policy; a row without values cannot be set. This page is generated
(`python -m tools.reference`); `pixazo-sim policy` prints the same. Bounds that protect the simulator itself are listed in
[simulator.md](simulator.md#bounds).

| label | meaning |
| --- | --- |
| documented | the page says it |
| vendor | another public page or sample of the vendor says it |
| observed | public code that talks to the gateway shows it |
| inferred | a default of Azure API Management (the name of the key header shows that the gateway uses it) or of MiniMax upstream |
| assumed | nothing public decides it; our choice |
| ours | a safety rule of the simulator |

A profile is a named set of values. Set single fields with `pixazo-sim serve --set FIELD=VALUE`, per world with
`POST /_sim/worlds {"policy": {...}}`, or in a TOML, JSON or YAML file given as `--profile FILE` (with `extends = "observed"` to start from there).

"""
_COLUMNS = ["#", "field", "`documented`", "`observed`", "values", "label", "clauses", "what it decides"]


def _cells(row: PolicyDecision) -> tuple[str, ...]:
    documented, observed, values = (f"`{each}`" for each in (row.documented, row.observed, row.values))
    observed, values = "same" if observed == documented else observed, "" if values == documented else values
    return row.row, f"`{row.field}`", documented, observed, values, row.label, row.clauses, row.description


def page() -> str:
    """The page."""
    return _HEAD + table(_COLUMNS, map(_cells, rows()))
