"""A random history of mail, beside a model of plain queues: every store shows the same, now and at every position.

The model knows nothing of positions or lines. A mail is a number; a queue is a deque of numbers for each sender and
recipient; what is seen is compared as a whole.
"""

from __future__ import annotations

from collections import defaultdict, deque
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from turnlog import Session

if TYPE_CHECKING:
    from tests.contract.conftest import Stores
    from turnlog.session_view import SessionView

NAMES = ["main", "left", "right", "ada", "bob"]
"""Names that branches and registered participants may have."""


class Queues:
    """What should be so: who there is, and for each place the mails from each sender, in the order they were sent.

    A branch goes by its name and a number, since there may be another one of its name later.
    """

    def __init__(self) -> None:
        self.branches: list[str] = []
        self.registered: list[str] = []
        self.outbox: dict[str, deque[tuple[str | None, int]]] = defaultdict(deque)
        self.mail: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        self.inbox: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        self.parked: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        self.town: list[int] = []

    @property
    def owners(self) -> list[str]:
        return [*self.branches, *self.registered]

    def collect(self, senders: list[str]) -> None:
        for sender in senders:
            for recipient, mail in self.outbox.pop(sender, ()):
                for each in [recipient] if recipient else [owner for owner in self.owners if owner != sender]:
                    self.mail[each, sender].append(mail)

    def called(self, name: str) -> str | None:
        """Whoever is called that now."""
        if name in self.owners:
            return name
        return next((branch for branch in self.branches if branch.partition("#")[0] == name), None)

    def deliver(self, wanted: list[str] | None) -> None:
        for places in (self.mail, self.parked):
            for (addressed, sender), queue in list(places.items()):
                owner = self.called(addressed)
                if owner is not None and (wanted is None or owner in wanted):
                    self.inbox[owner, sender] = deque(sorted([*self.inbox[owner, sender], *queue]))
                    del places[addressed, sender]
        if wanted is None:
            self._put_aside(self.mail, [name for name, _ in self.mail if self.called(name) is None])

    def leave(self, owner: str) -> None:
        for places in (self.mail, self.inbox):
            self._put_aside(places, [owner])

    def waiting(self, owner: str) -> list[int]:
        return sorted(mail for (recipient, _), queue in self.inbox.items() if recipient == owner for mail in queue)

    def _put_aside(self, places: dict[tuple[str, str], deque[int]], owners: list[str]) -> None:
        for (recipient, sender), queue in list(places.items()):
            if recipient in owners:
                aside = self.parked[recipient, sender]
                self.parked[recipient, sender] = deque(sorted([*aside, *queue]))
                del places[recipient, sender]


def shown(view: SessionView, names: dict[str, str]) -> dict[str, Any]:
    """All that a session shows of its mail, by the names of its participants."""
    exchange = view.mail
    boxes = {names[owner]: exchange.mailbox(owner) for owner in exchange.participants}
    return {
        "outbox": {name: [mail.content for mail in box.outbox] for name, box in boxes.items()},
        "waiting": [mail.content for mail in exchange.pending],
        "inbox": {name: [mail.content for mail in box.inbox] for name, box in boxes.items()},
        "unread": {name: box.unread for name, box in boxes.items()},
        "parked": sorted((names.get(each.recipient, each.recipient), each.mail.content) for each in exchange.parked),
        "town": [mail.content for mail in exchange.history("town")],
    }


def expected(model: Queues) -> dict[str, Any]:
    """The same of the model."""
    return {
        "outbox": {owner: [mail for _, mail in model.outbox.get(owner, ())] for owner in model.owners},
        "waiting": sorted({mail for queue in model.mail.values() for mail in queue}),
        "inbox": {owner: model.waiting(owner) for owner in model.owners},
        "unread": {owner: len(model.waiting(owner)) for owner in model.owners},
        "parked": sorted((owner, mail) for (owner, _), queue in model.parked.items() for mail in queue),
        "town": model.town,
    }


class Post(RuleBasedStateMachine):
    """What can be done with mail, done to a session and to plain queues."""

    stores: ClassVar[Stores]

    @initialize()
    def begin(self) -> None:
        self.store = self.stores.new()
        self.session = Session(default_branch=None, store=self.store)
        self.beside = Session.open(self.session.id, store=self.stores.beside(self.store))
        self.model, self.count = Queues(), 0
        self.names: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.moments: list[tuple[int, dict[str, Any]]] = []
        self.created("main")
        self.created("left")
        self.register("ada")

    def created(self, name: str) -> None:
        branch = self.session.create_branch(name)
        label = f"{name}#{branch.number}"
        self.names[branch.id] = label
        self.ids[label] = branch.id
        self.model.branches.append(label)

    def real(self, label: str | None) -> Any:
        """What the session knows somebody by."""
        return self.ids.get(label, label) if label is not None else None

    def handle(self) -> Session:
        self.count += 1
        return self.beside if self.count % 3 == 0 else self.session

    @rule(name=st.sampled_from(NAMES))
    def create(self, name: str) -> None:
        if self.model.called(name) is None:
            self.created(name)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        label = data.draw(st.sampled_from(self.model.branches), "branch")
        if len(self.model.branches) > 1:
            self.session.remove_branch(self.ids[label])
            self.model.leave(label)
            self.model.branches.remove(label)

    @rule(name=st.sampled_from(NAMES))
    def register(self, name: str) -> None:
        if self.model.called(name) in (None, name):
            self.handle().mail.register(name)
            self.names[name] = name
            if name not in self.model.registered:
                self.model.registered.append(name)

    @rule(name=st.sampled_from(NAMES[1:]))
    def unregister(self, name: str) -> None:
        if name in self.model.registered:
            self.session.mail.unregister(name)
            self.model.leave(name)
            self.model.registered.remove(name)

    @rule(data=st.data(), count=st.integers(1, 3), town=st.booleans(), through=st.booleans())
    def send(self, data: st.DataObject, count: int, town: bool, through: bool) -> None:
        sender = data.draw(st.sampled_from(self.model.owners), "sender")
        recipient = data.draw(st.sampled_from([None, *self.model.owners, *NAMES]), "recipient")
        target = None if recipient is None else self.model.called(recipient) or recipient
        for _ in range(count):
            self.count += 1
            self.session.mail.send(
                self.real(sender), self.real(recipient), self.count, channel="town" if town else None
            )
            self.model.outbox[sender].append((target, self.count))
            self.model.town += [self.count] if town else []
        if through:
            self.sync()

    @rule(data=st.data())
    def collect(self, data: st.DataObject) -> None:
        some = data.draw(st.lists(st.sampled_from(self.model.owners), unique=True), "senders")
        self.handle().mail.collect([self.real(each) for each in some])
        self.model.collect(some)

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        some = data.draw(st.none() | st.lists(st.sampled_from(self.model.owners), unique=True), "recipients")
        self.handle().mail.deliver(None if some is None else [self.real(each) for each in some])
        self.model.deliver(some)

    @rule()
    def sync(self) -> None:
        self.handle().mail.route()
        self.model.collect(list(self.model.outbox))  # those who left included
        self.model.deliver(None)

    @precondition(lambda self: self.with_mail())
    @rule(data=st.data(), count=st.integers(1, 4), from_one=st.booleans())
    def pop(self, data: st.DataObject, count: int, from_one: bool) -> None:
        owner = data.draw(st.sampled_from(self.with_mail()), "owner")
        sender = data.draw(st.sampled_from(self.model.owners), "sender") if from_one else None
        inboxes = self.model.inbox.items()
        for _ in range(count):
            mail = self.handle().mail.pop(self.real(owner), self.real(sender))
            queues = [queue for (to, by), queue in inboxes if to == owner and sender in (None, by) and queue]
            oldest = min(queues, key=lambda queue: queue[0], default=None)
            assert (mail and mail.content) == (oldest and oldest.popleft())

    def with_mail(self) -> list[str]:
        """Those who have mail."""
        return [owner for owner in self.model.owners if self.model.waiting(owner)]

    @precondition(lambda self: self.with_mail())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        owner = data.draw(st.sampled_from(self.with_mail()), "owner")
        looked = self.session.mail.inbox(self.real(owner))
        chosen = data.draw(st.lists(st.sampled_from(looked), unique=True), "mails")
        assert self.handle().mail.acknowledge(self.real(owner), chosen) == len(chosen)
        done = {mail.content for mail in chosen}
        for (to, _), queue in self.model.inbox.items():
            if to == owner:
                queue.extend([mail for mail in [queue.popleft() for _ in range(len(queue))] if mail not in done])

    @invariant()
    def the_same_is_shown(self) -> None:
        if not hasattr(self, "model"):
            return
        now = shown(self.session, self.names)
        assert now == expected(self.model)
        self.moments.append((self.session.position, deepcopy(now)))

    def teardown(self) -> None:
        if hasattr(self, "model"):
            opened = Session.open(self.session.id, store=self.stores.reopened(self.store))
            assert shown(opened, self.names) == expected(self.model)
            for position, then in self.moments[:: max(1, len(self.moments) // 5)]:
                assert shown(opened.at(position), self.names) == then


def test_mail_is_where_plain_queues_have_it(stores: Stores) -> None:
    machine = type("On", (Post,), {"stores": stores})
    examples = {"memory": 150, "sqlite": 40}.get(stores.kind, 15)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
