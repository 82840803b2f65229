"""A model that answers from the record of a session, for tests: without network, the same every time."""

from collections.abc import Callable

from msgspec.structs import replace

from .._operations.replay_cache import ReplayCache
from ..domain.errors import ResponseNotRecordedError
from ..domain.model_call import ModelRequest, ModelResponse
from ..session_view import SessionView


class RecordedModel:
    """What models answered in a session, to whoever asks the same again, word for word.

    Repeated requests get their responses in turn. A request that was never made raises
    `ResponseNotRecordedError`.
    """

    def __init__(self, session: SessionView, *, name: str = "recorded", model: str | None = None) -> None:
        self.name, self.model, self.provider = name, model or name, None
        self._session = session.id
        self._journal = ReplayCache(session.events(after=session.first_position - 1), lasting=True)

    def __repr__(self) -> str:
        return f"RecordedModel(session {self._session})"

    async def ask(self, asked: ModelRequest, heard: Callable[[str], None] | None = None) -> ModelResponse:
        """The answer on the record."""
        found = self._journal.answer(asked.digest)
        if found is None:
            raise ResponseNotRecordedError(self._session, asked.digest)
        answer = found.answer
        if heard is not None and answer.text:
            heard(answer.text)
        return replace(answer, model=answer.model or found.called.model)
