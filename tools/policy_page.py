"""Prints docs/policy.md: the policy as a table."""

from __future__ import annotations

from pixazo_simulator.spec.policy.points import PROFILES, points

HEAD = """\
# Where the page is silent or contradicts itself

The vendor's page is the only normative text about the gateway. Every behaviour of the simulator that it does not decide is one field of
the policy. This table is generated (`tools/policy_page.py`); `pixazo-sim policy` prints the same.

| label | meaning |
| --- | --- |
| documented | the page says it |
| vendor | another public page or sample of the vendor says it |
| observed | public code that talks to the gateway shows it |
| inferred | a default of Azure API Management (the name of the key header shows that the gateway is one) or of MiniMax upstream |
| assumed | nothing public decides it; our choice |
| ours | a safety rule of the simulator |

A profile is a named set of values. Set single fields with `pixazo-sim serve --set FIELD=VALUE`, per world with
`POST /_sim/worlds {"policy": {...}}`, or in a TOML or JSON file given as `--profile FILE` (with `extends = "observed"` to start from there).

| # | field | `documented` | `observed` | values | label | clauses | what it decides |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def cell(text: str) -> str:
    """Text that does not break the table."""
    return text.replace("|", "\\|")


def main() -> None:
    """Print the page."""
    print(HEAD, end="")
    for name, point in points().items():
        documented, observed = (PROFILES[profile].text(name) for profile in ("documented", "observed"))
        values = "" if point.forms == documented else f"`{cell(point.forms)}`"
        seen = "same" if documented == observed else f"`{observed}`"
        row = (point.row, f"`{name}`", f"`{documented}`", seen, values, point.label, point.clauses, cell(point.says))
        print(f"| {' | '.join(map(str, row))} |")


if __name__ == "__main__":
    main()
