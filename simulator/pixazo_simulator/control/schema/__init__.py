"""What the control routes take and return: requests, responses, how a world is rendered, examples."""
