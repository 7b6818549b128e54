"""The pytest plugin of pixazo-testkit. Unofficial."""
