"""The worlds of a test: settings, seed, simulator, and requests after the end of the test.

Only the plugin and the package itself use this wing; they import its modules directly, so nothing is loaded before a test needs it.
"""
