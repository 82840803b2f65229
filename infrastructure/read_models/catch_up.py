"""How the built-in projections that are kept in a store's database take in a redaction at once."""

from collections.abc import Sequence

from ...domain.errors import NotSupportedError, RedactionPendingError, TurnlogError
from ...projections.built_in import BUILT_IN
from ...projections.projection import Projection
from ..erasure import first_redaction
from ..recorder import Recorder
from ..stored_event import AppendRequest, AppendResult
from .dead_letters import first_held_positions, sessions_with_held_redactions
from .inline import InlineProjections
from .ledger import Ledger, Version, ledger_shapes
from .open_row_store import row_store_of
from .row_store import RowStore
from .versions import check_counting, check_entries


def catch_up(recorder: Recorder) -> None:
    """Bring the rows that are kept in the store's own database up to date, whichever process keeps them.

    Raises RedactionPendingError if rows cannot be, or if a redaction waits behind a dead letter.
    """
    try:
        target = row_store_of(recorder)
    except NotSupportedError:
        return
    for kind in BUILT_IN:
        try:
            version = _find_stored_version(target, kind)
            if version is not None:
                InlineProjections(recorder, target).catch_up_with(kind(), version.shards)
                _check_dead_letters(recorder, target, version)
        except RedactionPendingError:
            raise
        except TurnlogError as reason:
            which = f"the rows of the projection {kind.name!r} cannot be brought up to date: {type(reason).__name__}"
            raise RedactionPendingError(recorder.name, which) from reason


def finish_redactions(recorder: Recorder, session: str | None = None, position: int | None = None) -> None:
    """Remove from read models and files what redactions have left in them; if that fails, name the redaction."""
    try:
        catch_up(recorder)
        recorder.scrub()
    except RedactionPendingError as pending:
        raise RedactionPendingError(pending.store, pending.reason, session, position) from pending


def finish_appended(recorder: Recorder, appends: Sequence[AppendRequest], appended: Sequence[AppendResult]) -> None:
    """The same after appends, if there are redactions among them."""
    for append, outcome in zip(appends, appended, strict=True):
        place = first_redaction(append)
        if place is not None:
            finish_redactions(recorder, outcome.session, outcome.first + place)
            return


def _check_dead_letters(recorder: Recorder, target: RowStore, version: Version) -> None:
    with target.reading() as transaction:
        held = first_held_positions(Ledger(target, transaction).letters(version.projection, version.version))
    waiting = sessions_with_held_redactions(recorder, held)
    if waiting:
        which = f"the redaction in session {waiting[0]} waits behind a dead letter of the projection"
        raise RedactionPendingError(recorder.name, f"{which} {version.projection!r}: retry or skip the dead letter")


def _find_stored_version(target: RowStore, kind: type[Projection]) -> Version | None:
    """The version whose rows are kept, if it is the one of this package."""
    with target.reading() as transaction:
        if not any(map(transaction.exists, ledger_shapes(target))):
            return None
        ledger = Ledger(target, transaction)
        for each in ledger.versions(kind.name):
            check_entries(ledger, each)
        name = ledger.find_name(kind.name)
        version = None if name is None else check_counting(ledger, name)
        return version if version is not None and version.version == kind.version else None
