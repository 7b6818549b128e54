"""Which documented behaviour a test suite met."""
