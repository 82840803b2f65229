"""How the built-in projections that are kept in a store's database take in a redaction at once."""

from collections.abc import Sequence

from ...domain.errors import TurnlogError
from ...domain.store_errors import NotSupported, RedactionPendingError
from ...projections.built_in import BUILT_IN
from ...projections.definition import Projection
from ..recorder import Recorder
from ..redacting import first_redaction
from ..rows import Append, Appended
from .inline import Inline
from .ledger import Ledger, ledger_shapes
from .opening import target_of
from .target import Target
from .versions import check_counting, check_entries


def catch_up(recorder: Recorder) -> None:
    """Bring the rows that are kept in the store's own database up to date, whichever process keeps them.

    Where a session waits behind a dead letter, or the work is shared by shards, it is left to the runner.
    """
    try:
        target = target_of(recorder)
    except NotSupported:
        return
    for kind in BUILT_IN:
        try:
            if _is_kept(target, kind):
                Inline(recorder, target).attach(kind())
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


def finish_appended(recorder: Recorder, appends: Sequence[Append], appended: Sequence[Appended]) -> None:
    """The same after appends, if there are redactions among them."""
    for append, outcome in zip(appends, appended, strict=True):
        place = first_redaction(append)
        if place is not None:
            finish_redactions(recorder, outcome.session, outcome.first + place)
            return


def _is_kept(target: Target, kind: type[Projection]) -> bool:
    with target.reading() as transaction:
        if not any(map(transaction.exists, ledger_shapes(target))):
            return False
        ledger = Ledger(target, transaction)
        for each in ledger.versions(kind.name):
            check_entries(ledger, each)
        name = ledger.find_name(kind.name)
        version = None if name is None else check_counting(ledger, name)
        if version is None or version.version != kind.version:
            return False
        return version.shards == 1 and not ledger.letters(kind.name, kind.version)
