"""How an app under test reaches its world, and the guard that keeps it from the real gateway."""
