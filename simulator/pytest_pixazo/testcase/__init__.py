"""The worlds of a test: settings, seed, simulator, what the report of a failed test shows, and what the test left running.

Only the plugin and the package itself use this wing; they import its modules directly, so that nothing is loaded before a test needs it.
"""
