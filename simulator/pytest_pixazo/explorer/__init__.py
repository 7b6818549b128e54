"""Searches for an order of poll, webhook, retry and duplicate that breaks an app."""
