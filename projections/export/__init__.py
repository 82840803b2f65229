"""Formats that sessions are exported to and imported from."""
