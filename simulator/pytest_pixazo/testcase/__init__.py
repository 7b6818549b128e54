"""The worlds of a test, for the plugin: settings, seed, simulator, and requests after the end of the test."""
