"""Whether a session says something: in its name, its metadata or its messages."""

from collections.abc import Callable, Iterator

from ..domain.errors import SessionNotFoundError
from ..domain.json_values import Json
from ..projections.session_info import SessionInfo
from ..session import Session


def matches_text(info: SessionInfo, opened: Callable[[], Session], text: str) -> bool:
    """Whether a text is in a session, in upper or lower case; messages are read if nothing else has it."""
    wanted = text.casefold()
    if any(wanted in each.casefold() for each in [info.name or "", *_searchable_texts(info.metadata)]):
        return True
    try:
        return any(wanted in message.text.casefold() for message in reversed(opened().messages))
    except SessionNotFoundError:  # it went meanwhile
        return False


def _searchable_texts(value: Json) -> Iterator[str]:
    """All texts inside a value, those of keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _searchable_texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _searchable_texts(each)
