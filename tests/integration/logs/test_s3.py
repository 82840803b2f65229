"""Object stores: each batch is one object, readable in its format; the same batch is the same object."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.store import S3Store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from turnlog.errors import DeliveryError, InvalidValueError
from turnlog.logs import Log, LogBatch, LogBroadcaster, LogStore, S3LogSubscriber

CREDENTIALS = {"access_key_id": "AKIA-of-a-test", "secret_access_key": "hunter2", "region": "us-east-1"}
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LOGS = [
    Log("api_call", "x", model="m", request={"q": [1]}, input_tokens=2**70, id="a", created_at=NOON),
    Log("info", "\N{SNOWMAN}\n", id="b", created_at=NOON, session="s", branch=0, position=7, global_position=9),
]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A server that speaks the language of S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest) -> str:
    """A bucket for one test."""
    name = "bucket-" + re.sub("[^a-z0-9]", "-", request.node.name)[:40].strip("-") + "-x"
    urlopen(Request(f"{s3}/{name}", method="PUT")).close()
    return name


def to(s3: str, target: str, **options: Any) -> S3LogSubscriber:
    """A subscriber with credentials."""
    return S3LogSubscriber(target, endpoint=s3, options=CREDENTIALS, **options)


def objects(s3: str, bucket: str) -> dict[str, bytes]:
    """What is in a bucket."""
    credentials: Any = CREDENTIALS
    there = S3Store(bucket, endpoint=s3, client_options={"allow_http": True}, **credentials)
    keys = [entry["path"] for page in there.list() for entry in page]
    return {key: bytes(there.get(key).bytes()) for key in keys}


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize(
    ("format", "read"),
    [("jsonl", bytes), ("jsonl.gz", gzip.decompress), ("jsonl.zst", zstd.decompress)],
    ids=["plain", "gzip", "zstd"],
)
def test_lines_of_json_arrive_in_a_bucket(s3: str, bucket: str, format: str, read: Any) -> None:
    to(s3, bucket, format=format).send(LOGS)

    ((key, content),) = objects(s3, bucket).items()
    assert key == f"logs/2025/03/01/120000000000-{LogBatch(tuple(LOGS)).key}.{format}"
    assert lines(read(content)) == [log.to_dict() for log in LOGS]


def test_a_table_of_parquet_arrives_in_a_bucket(s3: str, bucket: str) -> None:
    to(s3, f"s3://{bucket}/deep", prefix="", format="parquet").send(LOGS)

    ((key, content),) = objects(s3, bucket).items()
    assert key == f"deep/2025/03/01/120000000000-{LogBatch(tuple(LOGS)).key}.parquet"
    table = pq.read_table(pa.BufferReader(content))
    assert table.column("request").to_pylist() == ['{"q":[1]}', None]
    assert table.column("type").to_pylist() == ["api_call", "info"]
    assert table.column("input_tokens").to_pylist() == [None, None]
    assert table.column("position").to_pylist() == [None, 7]
    assert table.column("created_at").to_pylist() == [NOON, NOON]


def test_the_same_batch_is_the_same_object_and_no_two_share_one(s3: str, bucket: str) -> None:
    subscriber = to(s3, bucket)
    for logs in (LOGS, LOGS, LOGS[:1], LOGS[1:], LOGS[::-1]):
        subscriber.send(logs)

    found = objects(s3, bucket)
    assert len(found) == 4
    assert sorted(len(lines(gzip.decompress(content))) for content in found.values()) == [1, 1, 2, 2]


def test_flushes_in_the_same_instant_lose_nothing(s3: str, bucket: str) -> None:
    store = LogStore(broadcaster=LogBroadcaster([to(s3, bucket, batch_size=2)]), clock=lambda: 0)
    for number in range(7):
        store.log(f"{number}")
        if number % 3 == 0:
            store.flush()
    store.flush()

    found = [line["message"] for content in objects(s3, bucket).values() for line in lines(gzip.decompress(content))]
    assert sorted(found) == [f"{number}" for number in range(7)]


def test_a_bucket_that_is_not_there_is_a_failure_that_names_no_secret(s3: str) -> None:
    with pytest.raises(DeliveryError) as failed:
        to(s3, "no-such-bucket").send(LOGS)

    assert "hunter2" not in str(failed.value)
    assert "NotFound" in str(failed.value)


def test_a_folder_takes_logs_as_a_bucket_does(tmp_path: Path) -> None:
    for target in (tmp_path / "a folder", f"{tmp_path}/a folder", (tmp_path / "a folder").as_uri()):
        S3LogSubscriber(target, format="jsonl").send(LOGS)

    (written,) = (tmp_path / "a folder" / "logs" / "2025" / "03" / "01").iterdir()
    assert lines(written.read_bytes()) == [log.to_dict() for log in LOGS]


def test_logs_without_an_id_are_told_apart(tmp_path: Path) -> None:
    subscriber = S3LogSubscriber(tmp_path)
    for _ in range(3):
        subscriber.send([Log("info", "x")])

    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize(
    "target",
    ["http://bucket", "s3://key:hunter2@bucket", "s3://bucket?token=hunter2", "ftp://x", "s3://bucket#hunter2"],
)
def test_a_target_that_is_no_place_for_objects_is_refused_and_not_repeated(target: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        S3LogSubscriber(target)

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        {"format": "csv"},
        {"prefix": "../x"},
        {"prefix": "a/./b"},
        {"batch_size": 0},
        {"timeout": 0},
        {"options": {"hunter2": "x"}},
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError):
        S3LogSubscriber("bucket", **options)


def test_names_hold_no_secrets_and_tell_places_apart(s3: str) -> None:
    names = {
        to(s3, "one").name,
        to(s3, "other").name,
        to(s3, "one", prefix="errors").name,
        to("https://other.example", "one").name,
        S3LogSubscriber("gs://one", options={}).name,
    }

    assert len(names) == 5
    assert to(s3, "one").name == "s3://one/logs/@127.0.0.1"
    assert "hunter2" not in repr(to(s3, "one"))


def test_batches_of_different_days_are_in_different_folders(tmp_path: Path) -> None:
    subscriber = S3LogSubscriber(tmp_path, prefix="")
    for days in range(3):
        subscriber.send([Log("info", id=f"{days}", created_at=NOON + timedelta(days))])

    assert sorted(path.name for path in (tmp_path / "2025" / "03").iterdir()) == ["01", "02", "03"]


FORKS = """
import os, sys
from turnlog.errors import DeliveryError
from turnlog.logs import Log, S3LogSubscriber

subscriber = S3LogSubscriber(sys.argv[1])
subscriber.send([Log("info", "before")])
if os.fork() == 0:
    try:
        subscriber.send([Log("info", "in the child")])
    except DeliveryError as failed:
        print(failed, flush=True)
    os._exit(0)
os.wait()
subscriber.send([Log("info", "after")])
"""


def test_a_forked_child_is_told_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", FORKS, str(tmp_path)], capture_output=True, text=True, check=True
    )

    assert "its driver does not outlive os.fork" in done.stdout
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2
