"""The record in PostgreSQL: a server-side function appends a group in one round trip, reads come in short pages."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Any

import msgspec
from psycopg.errors import DataError

from ...domain.errors import InvalidValue, KeyTaken, Refused, StoreFailed, StoreNotEmpty
from ...domain.ranges import Positions
from ...projections.catalogue import Entry
from ..remote import Attempt, Moved, RemoteRecorder
from ..rows import Append, Appended, Row
from . import sql
from .address import understood
from .connections import TRIES, Connections, Lost
from .listening import Listener
from .sending import group

PAGE = 1000
"""Rows per read: a page is read in one statement, so that no reader keeps the server from tidying up for long."""

LAST = 2**62
"""A position behind all others."""


class PostgresRecorder(RemoteRecorder):
    """Rows in tables that many machines may share."""

    def __init__(self, address: str) -> None:
        super().__init__()
        place = understood(address)
        self._connections = Connections(place)
        self.name = place.name
        self._listener = Listener(self._connections.connect, place.tables.channel)
