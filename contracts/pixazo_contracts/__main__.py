"""`python -m pixazo_contracts`."""

from .cli import main

main()
