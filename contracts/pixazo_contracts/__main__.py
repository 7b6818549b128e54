"""`python -m pixazo_contracts`."""

from pixazo_contracts.cli import main

main()
