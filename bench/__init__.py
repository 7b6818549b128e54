"""Measures the simulator, the client and the plugin beside their peers: `python -m bench`."""
