"""One test and its world: settings, seed, simulator, and what a failed test shows."""
