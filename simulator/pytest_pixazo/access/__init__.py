"""The ways in which an app reaches its world, and the guard that keeps it from the real gateway."""
