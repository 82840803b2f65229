"""The server that the tests start: if it cannot, they are told why, and do not wait for it."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.servers import PostgresServer


def test_a_server_that_ends_at_its_start_is_an_error_with_what_it_said(postgres_server: PostgresServer) -> None:
    second = copy(postgres_server)  # on the same folder, which belongs to the first

    with pytest.raises(AssertionError, match=r"ended before it took connections, and said:\n.*FATAL:.*lock file"):
        second.start()

    with postgres_server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
