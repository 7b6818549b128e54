"""Contract tests for Pixazo's MiniMax Hailuo gateway. Unofficial."""
