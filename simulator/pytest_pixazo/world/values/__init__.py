"""Exchanges, generations, deliveries and explanations, as a test reads them."""
