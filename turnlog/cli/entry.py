"""The former entry point, for environments that were installed before it moved to `main`."""

from .main import main

__all__ = ["main"]
