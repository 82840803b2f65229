"""LionAGI's `Session`, which lives in memory."""

from collections.abc import Sequence
from importlib.metadata import version

from lionagi import Branch, Session

from .speaking import Driver, serve


class LionAGI(Driver):
    """Branches in memory; what is on a disk is what somebody wrote there with `to_dict`."""

    ways = {
        "append": "`branch.msgs.add_message`, in memory: nothing is durable",
        "load": "every message of `branch.messages`, in memory",
        "last": "the last of `branch.messages`, in memory",
        "fork": "`session.split(branch)`, at its end, which copies every message, in memory",
        "nest": "`session.split` so many times, in memory",
        "replay": "`Branch.from_dict` of what `to_dict` made: what one would load from a file",
        "search": "a look at each message, in memory",
        "list_sessions": "the branches of one session, in memory: there is no list of sessions",
        "frame": "`branch.to_df()`, from memory",
    }
    cannot = {
        "append_by_threads": "its messages are not shared by threads",
        "append_by_processes": "it lives in the memory of one process",
        "view": "it keeps no past",
        "feed": "it has no feed, and no projections",
        "rebuild": "it has no projections",
        "size": "it has no file",
    }

    def open(self) -> None:
        self.session = Session()
        self.branches: dict[str, Branch] = {}
        self.dumps: dict[str, dict[str, object]] = {}

    def about(self) -> dict[str, str]:
        return {"lionagi": version("lionagi"), "durability": "none: in memory"}

    def start(self, session: str) -> None:
        self.branches[session] = self.session.create_branch()

    def add(self, session: str, texts: Sequence[str]) -> None:
        branch = self.branches[session]
        for text in texts:
            branch.msgs.add(instruction=text, sender="user", recipient=branch.id)

    def load(self, session: str) -> int:
        return len([message.content.instruction for message in self.branches[session].messages])

    def last(self, session: str, count: int) -> int:
        messages = self.branches[session].messages
        return len([message.content.instruction for message in messages[-count:]])

    def fork(self, session: str) -> None:
        self.session.remove_branch(self.session.split(self.branches[session]), delete=True)

    def nest(self, session: str, depth: int) -> None:
        branch = self.branches[session]
        for _ in range(depth):
            branch = self.session.split(branch)
            branch.msgs.add(instruction="a word", sender="user", recipient=branch.id)
        self.deepest = branch

    def last_of_deepest(self, count: int) -> int:
        return len([message.content.instruction for message in self.deepest.messages[-count:]])

    def dump(self, session: str) -> None:
        self.dumps[session] = self.branches[session].to_dict()

    def replay(self, session: str) -> None:
        if session not in self.dumps:
            self.dump(session)
        Branch.from_dict(self.dumps[session])

    def search(self, session: str, word: str) -> int:
        return len([each for each in self.branches[session].messages if word in str(each.content.instruction)])

    def list_sessions(self) -> int:
        return len(list(self.session.branches))

    def frame(self, session: str) -> dict[str, int]:
        return {"rows": len(self.branches[session].to_df())}


if __name__ == "__main__":
    serve(LionAGI)
