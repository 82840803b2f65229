"""coda's sessions by name, on ordinary sessions; its names are in `base.session` and `base.providers`."""

from . import base

__all__ = ["base"]
