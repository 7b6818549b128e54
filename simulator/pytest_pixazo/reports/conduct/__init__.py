"""Mistakes in what an app did that will hurt on the real gateway."""
