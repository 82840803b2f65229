"""A secret in each of twenty places is in no byte that leaves: databases, files, objects, webhooks, lines."""

from __future__ import annotations

import gzip
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq
import structlog

from turnlog import Session, open_store
from turnlog.log_context import log_event
from turnlog.logs import (
    Log,
    LogBroadcaster,
    LogDelivery,
    LogRedactor,
    LogStore,
    PostgresLogAdapter,
    S3LogSubscriber,
    SQLiteWALLogAdapter,
    WebhookLogSubscriber,
)

if TYPE_CHECKING:
    from tests.hooks import Hooks

SECRET = "sk-proj-Zx81kQ"
PROSE = "The bearer forgot the password: what now? See https://example.com/a:b@c, or mail ada@example.com at 12:30."

PLACES: dict[str, Any] = {
    "message": {"message": f"used {SECRET} today"},
    "message, named": {"message": f"api_key={SECRET}"},
    "message, header": {"message": f"Authorization: Bearer {SECRET}"},
    "message, JSON": {"message": f'{{"password": "{SECRET}"}}'},
    "message, JSON in JSON": {"message": f'"{{\\"token\\": \\"{SECRET}\\"}}"'},
    "message, address": {"message": f"postgresql://ada:{SECRET}@host/db"},
    "message, query": {"message": f"https://host/p?access_token={SECRET}&x=1"},
    "message, option": {"message": f"run --password {SECRET}"},
    "source": {"source": f"agent {SECRET}"},
    "model": {"model": f"gpt?key={SECRET}"},
    "provider": {"provider": f"openai:{SECRET}"},
    "error": {"error": f"AuthError: bad key {SECRET}"},
    "data, text": {"data": SECRET},
    "data, key": {"data": {"api_key": SECRET}},
    "data, nested": {"data": {"a": [[{"b": {"clientSecret": [SECRET]}}]]}},
    "data, key of a dict": {"data": {SECRET: 1}},
    "request, headers": {"request": {"headers": {"X-Api-Key": SECRET}}},
    "request, pairs": {"request": {"headers": [["Cookie", SECRET]]}},
    "request, named pairs": {"request": [{"name": "Set-Cookie", "value": SECRET}]},
    "response": {"response": {"choices": [{"text": f"your key is {SECRET}."}]}},
    "response, list of lists": {"response": [[f"Bearer {SECRET}"]]},
    "private key": {"data": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"},
}


def all_bytes(folder: Path) -> Iterator[bytes]:
    """What is in the files of a folder, unpacked."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield gzip.decompress(content) if path.suffix == ".gz" else content
            if path.suffix == ".parquet":
                yield repr(pq.read_table(path).to_pylist()).encode()


def write_everything(tmp_path: Path, hooks: Hooks, logs: list[dict[str, Any]], **options: Any) -> list[bytes]:
    """Everything that leaves by every way there is."""
    webhook = WebhookLogSubscriber(
        hooks.url,
        allowed_networks=["127.0.0.0/8"],
        ssl_context=hooks.trusting,
        resolve=lambda host, port: ["127.0.0.1"],
        **options,
    )
    folder, parquet = (S3LogSubscriber(tmp_path / each, format=each, **options) for each in ("jsonl.gz", "parquet"))
    database = SQLiteWALLogAdapter(tmp_path / "logs.db", **options)
    store = LogStore(
        adapters=[database],
        broadcaster=LogBroadcaster([webhook, folder, parquet]),
        folder=tmp_path / "dumps",
        redactor=options.get("redactor", LogRedactor()),
    )
    out = io.StringIO()
    logger: Any = structlog.wrap_logger(structlog.PrintLogger(out), processors=[structlog.processors.JSONRenderer()])
    with open_store("memory://") as record, database:
        session = Session(store=record)
        for fields in logs:
            session.logs.log(fields.get("message", ""), **_rest(fields))
            store.add(Log("info", **fields))
        delivery = LogDelivery(record, [webhook, folder, parquet])
        delivery.catch_up()
        delivery.close()
        for event in record.read_all():
            log_event(event, logger, **options)
        store.dump(tmp_path / "dumps" / "all.json")
        assert store.save().ok
        with sqlite3.connect(tmp_path / "logs.db") as connection:
            rows = repr(connection.execute("SELECT * FROM logs").fetchall())
        connection.close()
    requests = [repr(sorted(each.headers.items())).encode() + each.body for each in hooks.requests]
    assert len(requests) >= 2
    return [out.getvalue().encode(), rows.encode(), *requests, *all_bytes(tmp_path)]


def _rest(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "message"}


def test_there_are_twenty_places_and_more() -> None:
    assert len(PLACES) >= 20


def test_no_secret_is_in_any_byte_that_leaves(tmp_path: Path, hooks: Hooks) -> None:
    left = write_everything(tmp_path, hooks, list(PLACES.values()))

    assert [content for content in left if SECRET.encode() in content] == []
    assert all(b"[REDACTED]" in content for content in left if b"today" in content)


def test_without_a_redactor_each_of_them_would_be_seen(tmp_path: Path, hooks: Hooks) -> None:
    numbered = [
        msgspec.json.decode(msgspec.json.encode(fields).replace(SECRET.encode(), f"{SECRET}{number:02}".encode()))
        for number, fields in enumerate(PLACES.values())
    ]

    left = write_everything(tmp_path, hooks, numbered, redactor=None)

    seen = [any(f"{SECRET}{number:02}".encode() in content for content in left) for number in range(len(PLACES))]
    assert dict(zip(PLACES, seen, strict=True)) == dict.fromkeys(PLACES, True)


def test_no_secret_comes_into_postgres(postgres_database: Any) -> None:
    with PostgresLogAdapter(postgres_database.address()) as adapter:
        adapter.write([Log("info", **fields) for fields in PLACES.values()])
        with postgres_database.connect() as connection:
            rows = connection.execute("SELECT * FROM logs").fetchall()

    assert len(rows) == len(PLACES)
    assert SECRET not in repr(rows)


def test_plain_prose_leaves_as_it_is(tmp_path: Path, hooks: Hooks) -> None:
    left = write_everything(tmp_path, hooks, [{"message": PROSE, "data": {"max_tokens": 5, "text": PROSE}}])

    assert all(PROSE.encode() in content for content in left if b"forgot" in content)
    assert sum(PROSE.encode() in content for content in left) >= 8
    assert not any(b"[REDACTED]" in content for content in left)
