"""All errors that Turnlog raises on purpose."""

from .domain.errors import *  # noqa: F403  # one list, kept by the package
from .domain.errors import __all__ as __all__
