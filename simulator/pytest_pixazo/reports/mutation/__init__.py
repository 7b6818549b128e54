"""Whether a test suite notices gateways that changed."""
