"""Reports on a test run: usage checks (conduct), coverage of documented behaviour, assumptions, the bill, mutation testing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .assumptions import read_labels as read_labels
    from .conduct import read_checks as read_checks
    from .page_mutants import mutant_named as mutant_named
else:

    def __getattr__(name: str) -> object:
        from pixazo_simulator import exported  # not before: every pytest session imports this package for its hooks

        homes = {".assumptions": "read_labels", ".conduct": "read_checks", ".page_mutants": "mutant_named"}
        return exported(name, __name__, homes)
