"""What can be read at a moment, and the refusal of what could only be done at work."""

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ._as_of import StateSource
from .domain.errors import ReadOnlyError


class ReadOnlyView:
    """What can be read at a moment; what the class for the present adds to it is writing, and refused by name."""

    _source: StateSource
    _writing: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for view in cls.__bases__:
            if issubclass(view, ReadOnlyView) and ReadOnlyView in view.__bases__:
                parts = [cls, *(base for base in cls.__bases__ if not issubclass(base, ReadOnlyView))]
                mine = [item for part in parts for item in vars(part).items()]
                added = {name for name, what in mine if not isinstance(what, classmethod)}
                view._writing |= {name for name in added - vars(view).keys() if not name.startswith("_")}

    if not TYPE_CHECKING:  # a type checker would take it that every name can be read

        def __getattr__(self, name: str) -> NoReturn:
            if ReadOnlyView in type(self).__bases__ and name in type(self)._writing:
                with self._source.state() as state:
                    raise ReadOnlyError(
                        f"{name} writes, but this is session {state.session} as of position {state.position}; "
                        f"use the session itself, or fork it there"
                    )
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)
