"""Sessions, and the providers of models."""

from . import providers, session

__all__ = ["providers", "session"]
