"""An offline simulator of Pixazo's MiniMax Hailuo gateway. Unofficial."""
