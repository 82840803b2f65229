"""Removal of secrets from logs."""
