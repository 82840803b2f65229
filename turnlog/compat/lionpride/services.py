"""Models and tools by name."""

from typing import TypeAlias

from ... import Tool, iModel
from ...errors import InvalidValueError, ItemNotFoundError
from ...models import LanguageModel

__all__ = ["ServiceRegistry", "Tool", "iModel"]

Service: TypeAlias = LanguageModel | Tool


class ServiceRegistry:
    """The models and tools of a program, by name; a model is found by its model name as well.

    They are objects of this process. The record of a session has their names.
    """

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}

    def register(self, service: Service, *, update: bool = False) -> str:
        """Add a model or a tool under its name, and return the name; with `update`, replace one that has it."""
        if not isinstance(service, LanguageModel | Tool):
            raise InvalidValueError("a service", f"cannot be a {type(service).__name__}: expected an iModel or a Tool")
        if self._services.get(service.name, service) is not service and not update:
            raise InvalidValueError("a service", f"named {service.name!r} is registered: expected update=True")
        self._services[service.name] = service
        return service.name

    def unregister(self, name: str) -> Service:
        """Remove a service, and return it."""
        service = self.get(name)
        del self._services[service.name]
        return service

    def get(self, name: str) -> Service:
        """Return the service with a name, or the model with that model name."""
        found = self.find(name)
        if found is None:
            raise ItemNotFoundError("service", repr(name), known=tuple(self._services))
        return found

    def find(self, name: str) -> Service | None:
        """Return the service with a name, or the model with that model name, or None."""
        models = (each for each in self._services.values() if isinstance(each, LanguageModel) and each.model == name)
        return self._services.get(name) or next(models, None)

    def has(self, name: str) -> bool:
        """Whether a service has this name or model name."""
        return self.find(name) is not None

    def list_names(self) -> list[str]:
        """The names of the services, in the order they were registered."""
        return list(self._services)

    @property
    def tools(self) -> list[Tool]:
        """The tools among the services."""
        return [each for each in self._services.values() if isinstance(each, Tool)]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.has(name)

    def __len__(self) -> int:
        return len(self._services)
