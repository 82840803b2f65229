"""Turnlog: an event-sourced store for conversations between people, models and agents."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._api import *

    __version__: str
else:

    def __getattr__(name: str) -> object:
        """Import the API when one of its names is first used: it takes a second, and `turnlog --help` has none."""
        if name == "__version__":
            from importlib.metadata import version

            return version(__name__)
        _api = import_module("._api", __name__)
        if name == "__all__" or name in _api.__all__:
            return getattr(_api, name)
        if not name.startswith("_") and find_spec(f"{__name__}.{name}") is not None:
            return import_module(f".{name}", __name__)  # turnlog.errors, turnlog.mail, ...
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("._api", __name__).__all__})
