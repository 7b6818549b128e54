"""The layers that a request passes on its way to the target, from the recorder down to the wire."""
