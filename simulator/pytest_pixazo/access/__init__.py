"""For `plugin.py`: a router for respx that redirects an app's calls to its world, and the guard that refuses the real gateway."""
