"""`python -m pixazo_simulator`."""

from .cli import main

main()
