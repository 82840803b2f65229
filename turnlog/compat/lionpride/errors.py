"""Errors of turnlog under the names of lionpride."""

from ...errors import AccessDeniedError as AccessError
from ...errors import InvalidValueError as ValidationError
from ...errors import NameTakenError as ExistsError
from ...errors import NotFoundError, OperationError
from ...errors import TurnlogError as LionprideError

__all__ = ["AccessError", "ExistsError", "LionprideError", "NotFoundError", "OperationError", "ValidationError"]
