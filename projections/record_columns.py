"""The columns of frames of a whole store: messages, events, usage, sessions. They are stable: added to, never altered.

`branch` is the name that a branch had when it was written on, `session` the session that recorded it, `user` whose
session that is.
"""

from typing import TYPE_CHECKING

from ..domain.optional_dependencies import require
from .frames import schema as message_schema

if TYPE_CHECKING:
    import pyarrow


def messages_schema() -> "pyarrow.Schema":
    """Those of the messages of a session, then whose they are, and where they stand in the store."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    more = [("user", pa.string()), ("global_position", pa.int64()), ("retracted", pa.bool_())]
    return pa.schema([*message_schema(), *(pa.field(*each) for each in more)])


def events_schema() -> "pyarrow.Schema":
    """The record as it is: `payload` is JSON, `digest` in hexadecimal digits."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("session", pa.string()),
            ("position", pa.int64()),
            ("global_position", pa.int64()),
            ("recorded_at", pa.timestamp("us", "UTC")),
            ("name", pa.string()),
            ("branch", pa.string()),
            ("branch_number", pa.int64()),
            ("user", pa.string()),
            ("actor", pa.string()),
            ("correlation", pa.string()),
            ("cause", pa.int64()),
            ("command_id", pa.string()),
            ("payload", pa.large_string()),
            ("redacted", pa.bool_()),
            ("digest", pa.string()),
        ]
    )


def usage_schema() -> "pyarrow.Schema":
    """A row for each call of a model, and for each answer that says what it cost and that no recorded call led to."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("session", pa.string()),
            ("position", pa.int64()),
            ("global_position", pa.int64()),
            ("recorded_at", pa.timestamp("us", "UTC")),
            ("user", pa.string()),
            ("branch", pa.string()),
            ("name", pa.string()),
            ("model", pa.string()),
            ("provider", pa.string()),
            ("operation", pa.string()),
            ("failed", pa.bool_()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
            ("duration_ms", pa.float64()),
            ("cost", pa.float64()),
        ]
    )


def sessions_schema() -> "pyarrow.Schema":
    """The catalogue; `messages` counts what was inherited too, `metadata` is JSON."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("session", pa.string()),
            ("key", pa.string()),
            ("name", pa.string()),
            ("user", pa.string()),
            ("status", pa.string()),
            ("position", pa.int64()),
            ("messages", pa.int64()),
            ("bytes", pa.int64()),
            ("forked_from", pa.string()),
            ("forked_at", pa.int64()),
            ("created_at", pa.timestamp("us", "UTC")),
            ("updated_at", pa.timestamp("us", "UTC")),
            ("metadata", pa.large_string()),
        ]
    )
