"""The Hypothesis state machine: submits, reads and waiting in any order, and the strategies from which it draws."""

from . import strategies
from .counterexample import CounterexampleError
from .machine import REPEATABLE, run_examples

__all__ = ["REPEATABLE", "CounterexampleError", "run_examples", "strategies"]
