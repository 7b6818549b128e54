"""`python -m pixazo_simulator`."""

from __future__ import annotations

from .cli import main

main()
