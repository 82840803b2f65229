"""Errors of turnlog under the names of lionagi."""

from ...errors import InvalidValueError as ValidationError
from ...errors import NameTakenError as ItemExistsError
from ...errors import NotFoundError as ItemNotFoundError
from ...errors import TurnlogError as LionError

__all__ = ["ItemExistsError", "ItemNotFoundError", "LionError", "ValidationError"]
