"""The story of the demo: three agents settle a complaint, one is mistaken, and an engineer sets it right."""

from dataclasses import dataclass

from ..branch import Branch
from ..infrastructure.store import Store
from ..provenance import acting
from ..session import Session
from .scripted_model import CHECK, COMPLAINT, IN_CENTS, LOOK_UP, MISTAKEN, REPLY, WrittenAnswers, find_order

TICKET = "ticket-7"


@dataclass(frozen=True)
class Team:
    """The session of a team, and its branches; of each, the branch is what that agent has heard and said."""

    session: Session
    desk: Branch
    billing: Branch
    review: Branch


def gather(store: Store) -> Team:
    """A session in which everybody has a branch, instructions and nothing yet to do."""
    with acting(actor="ada", correlation_id=TICKET):
        model = WrittenAnswers()
        name = "A broken teapot"
        session = Session(name=name, user="customer", default_branch=None, default_generate_model=model, store=store)
        return Team(
            session,
            desk=session.create_branch(name="desk", system="You answer customers."),
            billing=session.create_branch(name="billing", system="You say what we owe.", tools=[find_order]),
            review=session.create_branch(name="review", system="You check what others say."),
        )


async def work(team: Team) -> None:
    """The complaint comes in; billing reads the order, and takes cents for euros; review objects."""
    with acting(actor="desk-agent", correlation_id=TICKET):
        await team.desk.communicate(COMPLAINT)
        team.desk.mail.send(team.billing, COMPLAINT, category="message")
        team.session.mail.route(receive=True)
    with acting(actor="billing-agent", correlation_id=TICKET):
        said = await team.billing.communicate(LOOK_UP, tools=["find_order"])
        team.billing.mail.send(team.review, said, category="message")
        team.session.mail.route(receive=True)
    with acting(actor="review-agent", correlation_id=TICKET):
        await team.review.communicate(CHECK)


def mistake(team: Team) -> int:
    """The position at which billing said it first."""
    found = team.session.bisect(lambda then: MISTAKEN in [each.text for each in then.concat_messages()])
    assert found is not None  # the team has just said it
    return found


async def try_again(team: Team, position: int) -> Branch:
    """A fork of billing as it was before a position, told what it did not know."""
    with acting(actor="ada", correlation_id="debug-7"):
        retry = team.session.fork(team.billing, at=position - 1, name="billing-again")
        await retry.communicate(IN_CENTS)
    return retry


async def take_over(team: Team, retry: Branch, position: int) -> None:
    """Billing goes back to before the mistake, takes over what was said on the fork, and the customer is answered."""
    with acting(actor="ada", correlation_id="debug-7"):
        team.billing.rewind(to=position - 1)
        team.session.merge(retry, into=team.billing)
    with acting(actor="billing-agent", correlation_id=TICKET):
        team.billing.mail.send(team.desk, team.billing.messages[-1].text, category="message")
        team.session.mail.route(receive=True)
    with acting(actor="desk-agent", correlation_id=TICKET):
        await team.desk.communicate(REPLY)
