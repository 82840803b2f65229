"""Errors of SQL queries and of exported files."""

from .base import InvalidOperationError, StoreError, error


@error
class QueryError(InvalidOperationError):
    """An SQL query is not valid or not allowed."""

    reason: str

    def __str__(self) -> str:
        return f"the query failed: {self.reason}"


@error
class QueryLimitError(QueryError):
    """A query ran longer, or needed more memory, than its limits allow."""


@error
class ExportError(StoreError):
    """The folder of a Parquet export is in use, or belongs to another store."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"cannot export to {self.path}: {self.reason}"


@error
class OutputExistsError(InvalidOperationError):
    """The output file exists and was not to be overwritten."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} exists; use another path, or overwrite=True"
