"""An address says where the server is, and what of its keys is ours; what it keeps secret no error shows."""

import subprocess
import sys
from traceback import format_exception

import pytest

from turnlog import open_store
from turnlog.errors import DatabaseError, InvalidValueError
from turnlog.infrastructure.redis.address import RedisAddress, parse_address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("redis://", RedisAddress("redis://localhost:6379/0?prefix=turnlog", "redis", "localhost", 6379)),
        ("redis://host/3", RedisAddress("redis://host:6379/3?prefix=turnlog", "redis", "host", 6379, database=3)),
        ("REDIS://Host:1/", RedisAddress("redis://host:1/0?prefix=turnlog", "redis", "host", 1)),
        ("redis://[::1]:7000/0", RedisAddress("redis://[::1]:7000/0?prefix=turnlog", "redis", "::1", 7000)),
        (
            "rediss://ada:p%40ss@host?prefix=pyai:sessions:&ttl=86400",
            RedisAddress(
                "rediss://host:6379/0?prefix=pyai:sessions:&ttl=86400",
                "rediss",
                "host",
                6379,
                user="ada",
                password="p@ss",
                prefix="pyai:sessions:",
                ttl=86400,
            ),
        ),
        (
            "redis://host?prefix=app:&hash_tag=a",
            RedisAddress("redis://host:6379/0?prefix=app:&hash_tag=a", "redis", "host", prefix="app:", hash_tag="a"),
        ),
        (
            "redis://:secret@host",
            RedisAddress("redis://host:6379/0?prefix=turnlog", "redis", "host", 6379, password="secret"),
        ),
        (
            "unix://:secret@/run/my%20redis/socket?db=2&prefix=a",
            RedisAddress(
                "unix:///run/my redis/socket?db=2&prefix=a",
                "unix",
                path="/run/my redis/socket",
                database=2,
                password="secret",
                prefix="a",
            ),
        ),
    ],
)
def test_an_address_is_understood(address: str, expected: RedisAddress) -> None:
    assert parse_address(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "redis://:zyx/zyx@host",
        "redis://:zyx#zyx@host",
        "redis://:zyx?zyx@host",
        "redis://:zyx[zyx@host",
        "redis://ada:zyx@host:port",
        "redis://ada:zyx@host:99999",
        "redis://ada:zyx@host/zero",
        "redis://ada:zyx@host/0/1",
        "redis://ada:zyx@host/0?prefix={a}",
        "redis://ada:zyx@host/0?prefix=",
        "redis://ada:zyx@host/0?hash_tag=",
        "redis://ada:zyx@host/0?hash_tag={a}",
        "redis://ada:zyx@host/0?ttl=0",
        "redis://ada:zyx@host/0?ttl=-1",
        "redis://ada:zyx@host/0?ttl=1.5",
        "redis://ada:zyx@host/0?ttl=soon",
        "redis://ada:zyx@host/0?ttl=1_0",
        "redis://ada:zyx@host/0?ttl=",
        "redis://ada:zyx@host/0?ttl=99999999999",
        "redis://ada:zyx@host/0?db=1",
        "redis://ada:zyx@host/0?durability=full",
        "redis://ada:zyx@host/0?password=zyx",
        "unix://ada:zyx@/",
        "unix://ada:zyx@host/path",
        "unix://ada:zyx@/path?db=x",
        "unix://ada:zyx@/a%00b",
        "reddis://ada:zyx@host",
        "sqlite://ada:zyx@host/file",
    ],
)
def test_an_address_that_is_not_understood_is_refused_without_its_secrets(address: str) -> None:
    with pytest.raises(InvalidValueError, match="expected") as refused:
        open_store(address)

    assert "zyx" not in "".join(format_exception(refused.value))


def test_nothing_that_is_shown_of_an_address_holds_a_password() -> None:
    address = parse_address("redis://ada:secret@host/0?ttl=5")

    assert repr(address) == "Address('redis://host:6379/0?prefix=turnlog&ttl=5')"
    assert "secret" not in f"{address}"


def test_a_server_that_is_not_there_is_named_and_its_password_is_not() -> None:
    with pytest.raises(DatabaseError) as failed:
        open_store("redis://ada:secret@127.0.0.1:1/0?prefix=p")

    assert str(failed.value).startswith("the store redis://127.0.0.1:1/0?prefix=p failed: ")
    assert "secret" not in str(failed.value)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_the_driver_the_error_names_the_extra() -> None:
    printed = run("""
import sys
sys.modules["redis"] = None
import turnlog
import turnlog.errors
try:
    turnlog.open_store("redis://host")
except turnlog.errors.MissingExtraError as missing:
    print(missing)
assert issubclass(turnlog.errors.MissingExtraError, (turnlog.TurnlogError, ImportError))
""")

    assert printed == ("the package redis is not installed; install it with: pip install 'turnlog[redis]'\n")


def test_the_driver_is_not_imported_before_it_is_needed() -> None:
    assert run("import sys, turnlog; print('redis' in sys.modules)") == "False\n"
