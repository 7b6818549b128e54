"""One test and its world: settings, seed, simulator, and what the report of a failed test shows."""
