"""The points that the page leaves open, and their richer values."""
