"""Gateways that are wrong in one respect (mutants), and gateways that differ in a way that the page allows (variants)."""

from .catalogue import MUTANTS, VARIANTS, find_mutant, find_variant
from .mutant import EditedGateway, Edits, Mutant, Variant

__all__ = ["MUTANTS", "VARIANTS", "EditedGateway", "Edits", "Mutant", "Variant", "find_mutant", "find_variant"]
