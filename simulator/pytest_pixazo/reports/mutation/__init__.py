"""Mutation testing: whether a test suite notices that the gateway changed."""
