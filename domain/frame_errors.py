"""What can go wrong with frames, SQL over them and files made of them."""

from .errors import Refused, StoreError, error


@error
class QueryFailed(Refused):
    """A query over the store cannot be understood, or asks for what cannot be answered."""

    reason: str

    def __str__(self) -> str:
        return f"the query failed: {self.reason}"


@error
class QueryLimitError(QueryFailed):
    """A query ran longer, or needed more memory, than it may; the store goes on working."""


@error
class ExportBusy(StoreError):
    """Somebody else is writing Parquet files to this place."""

    path: str

    def __str__(self) -> str:
        return f"another export is writing to {self.path}: expected one at a time, try again when it is done"


@error
class ExportMismatch(StoreError):
    """The files at a place were not made of this record."""

    path: str
    store: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the files in {self.path} were not made of what is in {self.store}: {self.reason}; expected an empty "
            f"folder, or the one of this store"
        )
