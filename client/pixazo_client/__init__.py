"""A thin, honest client for Pixazo's MiniMax Hailuo gateway. Unofficial."""
