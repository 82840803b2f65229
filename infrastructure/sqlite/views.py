"""The name that the sessions of a file have in SQL."""

from ...domain.errors import InvalidValueError
from ..recorder import Recorder
from .recorder import SQLiteRecorder

_VIEW = 'CREATE VIEW "{}" AS SELECT * FROM sessions'


def name_sessions(recorder: Recorder, name: str) -> None:
    """Has the sessions shown under a name by a view; a name that is something else in the file is refused."""
    if not isinstance(recorder, SQLiteRecorder):
        raise TypeError(f"{type(recorder).__name__} has no file")
    found = "SELECT type, sql FROM sqlite_schema WHERE lower(name) = lower(?)"
    with recorder.connections.reading() as connection:
        row = connection.execute(found, (name,)).fetchone()
    if row is None:
        with recorder.connections.writing() as connection:
            if connection.execute(found, (name,)).fetchone() is None:
                connection.execute(_VIEW.format(name))
    elif name.lower() != "sessions" and row != ("view", _VIEW.format(name)):
        expected = "expected 'sessions', or a name that nothing in the file has"
        raise InvalidValueError("table_name", f"is {name!r}, which is another {row[0]} in the file: {expected}")
