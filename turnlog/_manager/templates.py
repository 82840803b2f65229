"""Sessions that begin in a known way: what the system says, and what the metadata tell of it."""

from collections.abc import Mapping
from string import Template as Text

import msgspec

from ..domain.errors import InvalidValueError, KeyTakenError
from ..domain.errors.base import nearest
from ..domain.json_values import Json
from ..infrastructure.paths import PathLike, validate_path
from ..infrastructure.toml_file import UnreadableTomlError, read_toml
from ..session import Session
from .repository import NewSession, SessionRepository


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a session begins; `$subject` and the like in its texts are filled with the values that are given for it.

    That a session was made of it, and with which values, is in its metadata.
    """

    name: str
    system: str
    metadata: dict[str, Json] = {}

    @property
    def values(self) -> list[str]:
        """The names of the values that it needs."""
        return Text(self.system).get_identifiers()

    def get_or_start(
        self,
        kept: SessionRepository,
        name: str,
        user: str | None,
        metadata: Mapping[str, Json] | None,
        values: Mapping[str, str],
    ) -> Session:
        """The session of this name if it was made so, or a new one made so."""
        told: dict[str, Json] = {"template": self.name, "created_from_template": True, **values}
        system = self._fill(values)
        beginning = NewSession(user, {**self.metadata, **(metadata or {}), **told}, system)
        session = kept.get_or_start(name, beginning)
        if any(session.metadata.get(key) != value for key, value in told.items()):
            raise KeyTakenError(None, name, "a session that was not made of this template with these values")
        return session

    def _fill(self, values: Mapping[str, str]) -> str:
        if set(values) != set(self.values):
            needed = ", ".join(self.values) or "none"
            given = ", ".join(values) or "none"
            raise InvalidValueError(f"the values for template {self.name!r}", f"are {given}: expected {needed}")
        return Text(self.system).substitute(values)


TEMPLATES = {
    template.name: template
    for template in (
        Template(
            "code_review",
            "You are an experienced code reviewer. Look at the code for errors, security, speed and style, say where "
            "each is, and how to mend it.",
        ),
        Template(
            "tutoring",
            "You are a patient tutor of $subject. Ask questions that lead to the answer, rather than give it away.",
        ),
    )
}
"""The templates that are always there."""

MAX_SIZE = 1_000_000
"""Bytes of a file of templates at most."""


def get_template(name: str) -> Template:
    """The template that is always there under a name."""
    if name not in TEMPLATES:
        near = nearest(name, TEMPLATES) if isinstance(name, str) else ""
        advice = near or f"expected one of {', '.join(TEMPLATES)}, or a Template"
        raise InvalidValueError(f"the template {name!r}", f"is unknown: {advice}")
    return TEMPLATES[name]


def read_templates(path: PathLike) -> dict[str, Template]:
    """The templates of a TOML file: a table each, named as the template, with `system` and perhaps `metadata`."""
    file = validate_path(path, "the templates")
    try:
        found = read_toml(file, MAX_SIZE)
        return {name: msgspec.convert({"name": name, **table}, Template) for name, table in found.items()}
    except (UnreadableTomlError, msgspec.ValidationError, TypeError) as reason:
        raise InvalidValueError("the templates", f"in {file} cannot be read: {reason}") from reason
