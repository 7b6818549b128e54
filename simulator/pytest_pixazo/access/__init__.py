"""A router for respx that redirects calls of the app under test to its world, and the guard that refuses the real gateway.

Only `plugin.py` uses this wing. It imports the modules directly, so a fixture loads no more than it needs.
"""
