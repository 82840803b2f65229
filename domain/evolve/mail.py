"""How events of mail change the state."""

from collections.abc import Callable, Mapping
from typing import Any

from .. import events as e
from .. import mail_state
from ..state import State


def _on_registered(state: State, event: e.ParticipantRegistered) -> None:
    state.participants[event.name] = state.position


def _on_unregistered(state: State, event: e.ParticipantUnregistered) -> None:
    del state.participants[event.name]


def _on_mail_sent(state: State, event: e.MailSent) -> None:
    mail_state.add_sent(state.post, state.position, event.sender, event.recipient, event.category, event.channel)


def _on_mail_collected(state: State, event: e.MailCollected) -> None:
    mail_state.move_to_exchange(state.post, event.sender, event.mails, lambda: state.owners)


def _on_mail_delivered(state: State, event: e.MailDelivered) -> None:
    mail_state.move_to_inbox(state.post, event.recipient, event.mails, event.addressed or event.recipient)


def _on_mail_received(state: State, event: e.MailReceived) -> None:
    mail_state.remove_received(state.post, event.recipient, event.mails)


def _on_mail_parked(state: State, event: e.MailParked) -> None:
    mail_state.park(state.post, event.recipient, event.mails, event.reason)


HANDLERS: Mapping[type[e.Event], Callable[[State, Any], None]] = {
    e.ParticipantRegistered: _on_registered,
    e.ParticipantUnregistered: _on_unregistered,
    e.MailSent: _on_mail_sent,
    e.MailCollected: _on_mail_collected,
    e.MailDelivered: _on_mail_delivered,
    e.MailReceived: _on_mail_received,
    e.MailParked: _on_mail_parked,
}
