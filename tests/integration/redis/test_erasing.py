"""Redacted content is in no key of a Redis server, and after a vacuum in none of its files."""

from __future__ import annotations

from typing import Any

import pytest

from turnlog import Session, open_store
from turnlog.errors import RedactionPendingError
from turnlog.infrastructure.redis.server import ConnectionLost


@pytest.mark.parametrize("settings", [{"appendonly": "yes"}, {"save": "3600 1"}, {}], ids=["aof", "rdb", "none"])
def test_a_vacuum_removes_redacted_content_from_the_files(
    new_redis_server: Any, marked: Any, settings: dict[str, str]
) -> None:
    server = new_redis_server(**settings)
    with open_store(server.address()) as store, server.client() as client:
        talk = marked.Marked(store)
        if "save" in settings:
            client.save()
        assert bool(marked.found(talk.markers, server.folder)) is bool(settings)
        talk.redact()
        assert talk.names() == marked.everything
        assert store.verify().ok
        assert store.verify().unscrubbed
        held = b"".join(client.dump(key) for key in client.scan_iter("*"))
        assert not any(each.encode() in held for each in talk.markers)

        store.vacuum()
        assert marked.found(talk.markers, server.folder) == {}
        assert not store.verify().unscrubbed


def test_a_server_that_does_not_rewrite_its_files_is_reported(new_redis_server: Any, marked: Any) -> None:
    server = new_redis_server(appendonly="yes")
    with open_store(server.address()) as store, server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
        session = Session(store=store)
        session.redact(session.default_branch.add(marked.marker(1)))
        with pytest.raises(RedactionPendingError, match=r"the server did not rewrite its files: .*permission"):
            store.vacuum()
        assert store.verify().unscrubbed


def test_a_redaction_whose_answer_was_lost_is_complete(place: Any, marked: Any) -> None:
    store = place.store()
    session = Session(store=store)
    said = session.default_branch.add(marked.marker(1))
    run = store.recorder.server.run

    def lost(*arguments: Any) -> Any:
        run(*arguments)
        store.recorder.server.run = run
        raise ConnectionLost("gone")

    store.recorder.server.run = lost
    assert session.redact(said) == 4
    assert store.recorder.find_row(session.id, 3).payload_hash is not None
    assert store.verify().ok
