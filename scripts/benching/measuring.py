"""Rounds: every contestant in turn, again and again, so that what slows the machine slows them all."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .contestants import OURS, Contestant
from .conversing import Conversation
from .figures import Outcome
from .postgres import Server
from .work import Ask, Scale, Workload


class Bench:
    """Measures workloads; keeps the stores of a contestant from one to the next, and its process too if `lasting`."""

    def __init__(
        self, folder: Path, scale: Scale, contestants: Sequence[Contestant], missing: Mapping[str, str], lasting: bool
    ) -> None:
        self.folder = folder
        self.scale = scale
        self.contestants = contestants
        self.missing = missing
        self.lasting = lasting
        self.about: dict[str, dict[str, Mapping[str, str]]] = {}
        self.server = Server(folder / "postgres")
        self._open: dict[tuple[str, str, str], Conversation] = {}

    def measure(self, workload: Workload) -> list[Outcome]:
        """What everybody did, or why not."""
        taking_part = [each for each in self.contestants if each.family == workload.family]
        if workload.only:
            taking_part = [each for each in taking_part if each.name in workload.only]
        refused = {each.name: why for each in taking_part if (why := self._why_not(each, workload))}
        asked = [each for each in taking_part if each.name not in refused]
        if workload.measures == "size":
            outcomes = [self._size(each, workload) for each in asked]
        elif workload.measures == "memory":
            outcomes = [self._memory(each, workload) for each in asked]
        elif workload.processes:
            outcomes = self._by_processes(asked, workload)
        else:
            outcomes = self._in_rounds(asked, workload)
        by_name = {each.contestant: each for each in outcomes}
        return [
            by_name.get(each.name) or Outcome(each.name, each.title, why=refused[each.name]) for each in taking_part
        ]

    def close(self) -> None:
        """Ends every process and the server."""
        for conversation in self._open.values():
            conversation.end()
        self._open.clear()
        self.server.stop()

    def _why_not(self, contestant: Contestant, workload: Workload) -> str | None:
        if contestant.name in self.missing:
            return self.missing[contestant.name]
        if contestant.most is not None and workload.length > contestant.most:
            return contestant.why_most.format(minutes=max(1, round(workload.length * 0.02 / 60)))
        return None

    def _in_rounds(self, contestants: Sequence[Contestant], workload: Workload) -> list[Outcome]:
        runs = {each.name: self._run(each, workload) for each in contestants}
        names = [name for name, run in runs.items() if not run.why]
        for number in range(workload.rounds or self.scale.rounds):
            shift = number % len(names) if names else 0
            for name in names[shift:] + names[:shift]:
                runs[name].round()
        outcomes = [run.outcome() for run in runs.values()]
        if not self.lasting:
            self._end_all()
        return outcomes

    def _run(self, contestant: Contestant, workload: Workload) -> "Run":
        run = Run(contestant, workload, self._conversation(contestant, workload.place), self.scale.seconds)
        run.prepare()
        return run

    def _by_processes(self, contestants: Sequence[Contestant], workload: Workload) -> list[Outcome]:
        """Each contestant as a group of processes, of which the others wait while it is its turn."""
        self._end_all()
        crews = {each.name: Crew(each, workload, self._conversations(each, workload.processes)) for each in contestants}
        try:
            for crew in crews.values():
                crew.prepare()
            for _ in range(workload.rounds or self.scale.rounds):
                for crew in crews.values():
                    crew.round()
            return [crew.outcome() for crew in crews.values()]
        finally:
            for crew in crews.values():
                crew.end()

    def _size(self, contestant: Contestant, workload: Workload) -> Outcome:
        folder = self.folder / f"size {contestant.name} {workload.per}"
        text = workload.run.arguments["text"]
        steps = [
            (Ask("fill", {"session": "turns", "count": 1, "text": text}), 1),
            (Ask("append", workload.run.arguments), workload.per - 1),
        ]
        with self._alone(contestant, folder) as conversation:
            why = _refusal(conversation, workload)
            for ask, times in steps if why is None else ():
                why = why or conversation.ask(ask.what, ask.arguments, times).get("failed")
        if why:
            return Outcome(contestant.name, contestant.title, why=why)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
        return Outcome(contestant.name, contestant.title, rounds=[size / workload.per])

    def _memory(self, contestant: Contestant, workload: Workload) -> Outcome:
        """In a process that has done nothing before; one that lives in memory is asked where it was filled."""
        for ask in workload.prepare:
            self._conversation(contestant).ask(ask.what, ask.arguments)
        if contestant.name == "lionagi":
            answer = self._conversation(contestant).ask(workload.run.what, workload.run.arguments)
        else:
            self._end(contestant)
            conversation = self._conversation(contestant)
            answer = {"cannot": conversation.broken} if conversation.broken else {}
            answer = answer or conversation.ask(workload.run.what, workload.run.arguments)
        why = answer.get("failed") or answer.get("cannot")
        rounds = [] if why else [answer["peak"] / 1e6]
        grown = None if why else answer["grown"]
        return Outcome(contestant.name, contestant.title, rounds=rounds, memory=grown, why=why)

    def _conversation(self, contestant: Contestant, place: str = "") -> Conversation:
        key = contestant.family, contestant.name, place
        if key not in self._open:
            self._open[key] = self._begun(
                contestant, self.folder / f"{contestant.family} {contestant.name} {place}", place
            )
        return self._open[key]

    def _conversations(self, contestant: Contestant, count: int) -> list[Conversation]:
        folder = self.folder / f"{contestant.family} {contestant.name} "
        first = self._begun(contestant, folder)  # alone: it makes the tables
        with ThreadPoolExecutor(4) as pool:
            return [first, *pool.map(lambda _: self._begun(contestant, folder), range(1, count))]

    @contextmanager
    def _alone(self, contestant: Contestant, folder: Path) -> Iterator[Conversation]:
        conversation = self._begun(contestant, folder)
        try:
            yield conversation
        finally:
            conversation.end()

    def _begun(self, contestant: Contestant, folder: Path, place: str = "") -> Conversation:
        folder.mkdir(exist_ok=True, parents=True)
        address = ""
        if contestant.family == "postgres":
            address = self.server.address(f"{contestant.name} {place}".strip())
            if contestant.name == "adk":
                address = address.replace("postgresql://", "postgresql+psycopg://")
        conversation = Conversation(contestant, folder, address, self.folder / f"{contestant.name}.log")
        facts = {"ways": conversation.ways, "cannot": conversation.cannot, "about": conversation.about}
        self.about[f"{contestant.family} {contestant.name}"] = facts
        return conversation

    def _end(self, contestant: Contestant) -> None:
        for key in [key for key in self._open if key[:2] == (contestant.family, contestant.name)]:
            self._open.pop(key).end()

    def _end_all(self) -> None:
        for each in self.contestants:
            if each.name != "lionagi":  # what it was filled with would be gone
                self._end(each)


class Run:
    """One contestant at one workload."""

    def __init__(self, contestant: Contestant, workload: Workload, conversation: Conversation, seconds: float) -> None:
        self.contestant = contestant
        self.workload = workload
        self.conversation = conversation
        self.seconds = seconds
        self.times = self.times_beside = 1
        self.rounds: list[float] = []
        self.beside: list[float] = []
        self.memory = 0
        self.facts: dict[str, float] = {}
        self.why = _refusal(conversation, workload)

    @property
    def held_against(self) -> Ask | None:
        return self.workload.beside if self.contestant.name == OURS else None

    def prepare(self) -> None:
        """Everything that comes before what is timed, and the warm-up, which also says how often fits in a round."""
        for ask in self._prepared() if not self.why else ():
            self._ask(ask)
        if not self.why:
            self.times = self._often(self.workload.run)
        if not self.why and self.held_against:
            self.times_beside = self._often(self.held_against)

    def round(self) -> None:
        """One round, of so many calls."""
        if self.why:
            return
        for ask in self.workload.before:
            self._ask(ask)
        answer = self._ask(self.workload.run, self.times)
        beside = self._ask(self.held_against, self.times_beside) if self.held_against else {}
        if not self.why:
            self.rounds.append(answer["seconds"] / self.workload.per)
            self.beside += [beside["seconds"]] if beside else []
            self.facts |= {key: float(value) for key, value in answer.items() if key in ("rows", "bytes")}

    def outcome(self) -> Outcome:
        name, title = self.contestant.name, self.contestant.title
        if self.why or not self.rounds:
            return Outcome(name, title, why=self.why or "it was not asked")
        return Outcome(name, title, self.rounds, self.beside, self.memory, facts=self.facts)

    def _prepared(self) -> Iterator[Ask]:
        for ask in self.workload.prepare:
            own = self.workload.kind == "view" and self.contestant.name == OURS
            yield Ask("structured", ask.arguments) if own else ask

    def _often(self, ask: Ask) -> int:
        once = 1.0
        for trial in range(2):
            times = 1 if not trial else min(self.workload.most, max(1, int(self.seconds / 4 / once)))
            for before in self.workload.before:
                self._ask(before)
            once = max(1e-7, float(self._ask(ask, times).get("seconds", 1.0)))
        return min(self.workload.most, max(1, int(self.seconds / once)))

    def _ask(self, ask: Ask, times: int = 1) -> dict[str, Any]:
        if self.why:
            return {}
        answer = self.conversation.ask(ask.what, ask.arguments, times)
        self.why = answer.get("failed") or answer.get("cannot")
        if ask == self.workload.run:
            self.memory = max(self.memory, int(answer.get("grown", 0)))
        return answer


class Crew:
    """Several processes of one contestant that do the same at the same time."""

    def __init__(self, contestant: Contestant, workload: Workload, members: Sequence[Conversation]) -> None:
        self.contestant = contestant
        self.workload = workload
        self.members = members
        self.rounds: list[float] = []
        self.why = _refusal(members[0], workload)

    def prepare(self) -> None:
        for number, member in enumerate(self.members):  # one after the other: tables are made by the first
            self._together([(member, number)], "fill", {"count": 1})
        self._each()

    def round(self) -> None:
        answers = self._each()
        if not self.why:
            took = max(each["ended"] for each in answers) - min(each["begun"] for each in answers)
            self.rounds.append(took / (len(self.members) * self.workload.run.arguments["each"]))

    def outcome(self) -> Outcome:
        return Outcome(self.contestant.name, self.contestant.title, self.rounds, why=self.why)

    def end(self) -> None:
        for member in self.members:
            member.end()

    def _each(self) -> list[dict[str, Any]]:
        everybody = [(member, number) for number, member in enumerate(self.members)]
        return self._together(everybody, self.workload.run.what, self.workload.run.arguments)

    def _together(
        self, members: Sequence[tuple[Conversation, int]], what: str, arguments: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        if self.why:
            return []
        for member, number in members:
            member.begin(what, {**arguments, "session": f"process {number}"})
        answers = [member.answer() for member, _ in members]
        self.why = next((why for each in answers if (why := each.get("failed") or each.get("cannot"))), None)
        return answers


def _refusal(conversation: Conversation, workload: Workload) -> str | None:
    return conversation.broken or conversation.cannot.get(workload.work or workload.run.what)
