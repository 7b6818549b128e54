"""One test and its world: settings, seed, simulator, and what the report of a failed test shows.

Only the plugin and the package itself use this wing; they import its modules directly, so that nothing is loaded before a test needs it.
"""
