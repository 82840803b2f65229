"""The OpenAI Agents SDK's `AdvancedSQLiteSession`: the same with branches."""

from agents import SQLiteSession
from agents.extensions.memory import AdvancedSQLiteSession

from .agents_sdk import AgentsSDK
from .speaking import serve


class AdvancedAgentsSDK(AgentsSDK):
    """One `AdvancedSQLiteSession` for each session, all in one file."""

    ways = {
        **AgentsSDK.ways,
        "fork": "`create_branch_from_turn(n)`: copies the rows before it that say which messages belong",
        "search": "`find_turns_by_content(word)`",
    }
    cannot = {key: why for key, why in AgentsSDK.cannot.items() if key not in ("fork", "nest")}

    def made(self, session: str) -> SQLiteSession:
        return AdvancedSQLiteSession(session_id=session, db_path=self.path, create_tables=True)

    def fork(self, session: str) -> None:
        forked = self._session(session)
        self._done(forked.create_branch_from_turn(self.filled[session] // 2))
        self._done(forked.switch_to_branch("main"))

    def nest(self, session: str, depth: int) -> None:
        nested = self._session(session)
        for _ in range(depth):
            turns = self._done(nested.get_conversation_turns())
            self._done(nested.create_branch_from_turn(turns[-1]["turn"]))
            self.add(session, ["a word"])

    def last_of_deepest(self, count: int) -> int:
        return len(self._done(self._session("nested").get_items(limit=count)))

    def search(self, session: str, word: str) -> int:
        return len(self._done(self._session(session).find_turns_by_content(word)))


if __name__ == "__main__":
    serve(AdvancedAgentsSDK)
