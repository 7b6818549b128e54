"""A baseline: what an earlier run observed, against which a change is drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixazo_contracts.trace import ConfigurationError

from .result import InvalidResultError, load_result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pixazo_contracts.trace import Header


@dataclass(frozen=True, slots=True)
class Baseline:
    """Observations by clause id, and the hashes of the run they were made in."""

    observations: Mapping[str, str]
    clause_set: str
    profile_hash: str

    def mismatch(self, header: Header) -> str | None:
        """Why a run cannot be compared with this baseline; None if it can."""
        if self.clause_set != header.clause_set:
            return "the baseline was made with other clauses: record a new one"
        if self.profile_hash != header.profile_hash:
            return "the baseline was made with another profile: record a new one"
        return None


def read_baseline(path: Path) -> Baseline:
    """Read the `result.ndjson` of an earlier run. Raises `ConfigurationError`."""
    try:
        result = load_result(path)
    except (OSError, InvalidResultError) as error:
        raise ConfigurationError(f"baseline {path}: {error}") from None
    observations = {v.clause: v.observation for v in result.verdicts if v.observation is not None}
    return Baseline(observations, result.meta.clause_set, result.meta.profile_hash)
