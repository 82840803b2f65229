"""The columns of messages, events, usage and sessions, the same in frames, `store.sql`, Parquet files and SQL views.

docs/glossary.md has the meaning of each name. Columns are added, never altered.
"""

from typing import TYPE_CHECKING

from ..domain.optional_dependencies import require

if TYPE_CHECKING:
    import pyarrow


def messages_schema() -> "pyarrow.Schema":
    """A row per message; `text` is plain, `content` and `metadata` are JSON."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("id", pa.string()),
            ("session", pa.string()),
            ("position", pa.int64()),
            ("global_position", pa.int64()),
            ("created_at", pa.timestamp("us", "UTC")),
            ("user", pa.string()),
            ("branch", pa.string()),
            ("branch_id", pa.string()),
            ("type", pa.string()),
            ("role", pa.string()),
            ("text", pa.large_string()),
            ("content", pa.large_string()),
            ("sender", pa.string()),
            ("recipient", pa.string()),
            ("origin", pa.string()),
            ("model", pa.string()),
            ("input_tokens", pa.int64()),
            ("output_tokens", pa.int64()),
            ("metadata", pa.large_string()),
            ("actor", pa.string()),
            ("correlation_id", pa.string()),
            ("retracted", pa.bool_()),
        ]
    )


def events_schema() -> "pyarrow.Schema":
    """The record as it is: `payload` is JSON, `digest` in hexadecimal digits."""
    with require("pyarrow", "frames"):
        import pyarrow as pa
    return pa.schema(
        [
            ("session", pa.string()),
            ("position", pa.int64()),
            ("global_position", pa.int64()),
            ("created_at", pa.timestamp("us", "UTC")),
            ("name", pa.string()),
            ("branch", pa.string()),
            ("branch_id", pa.string()),
            ("branch_number", pa.int64()),
            ("user", pa.string()),
            ("actor", pa.string()),
            ("correlation_id", pa.string()),
            ("causation", pa.int64()),
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
            ("created_at", pa.timestamp("us", "UTC")),
            ("user", pa.string()),
            ("branch", pa.string()),
            ("branch_id", pa.string()),
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
