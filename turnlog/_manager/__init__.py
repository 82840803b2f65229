"""The session manager and its repositories."""
