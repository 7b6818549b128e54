"""A router for respx that leads calls of the app under test to its world, and the guard that keeps it from the real gateway.

Only `plugin.py` uses this wing. It imports the modules directly, so that a fixture loads no more than it needs.
"""
