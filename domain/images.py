"""Where images may be: what a session takes on the record, so that whoever fetches them later is not led astray.

Addresses are judged by what they say. No name is looked up, so a name that leads to a private address is not found
out here: whoever fetches an image must check the address that it connects to, and each that it is sent on to.
"""

import re
import unicodedata
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import force_setattr

from .content import InstructionContent, MessageContent
from .content_parts import CALLS
from .errors import ImageNotAllowedError, InvalidValueError
from .json_values import Json
from .public_hosts import host_problem

SCHEMES = frozenset({"https", "http", "data"})
"""The schemes that a policy can allow."""

_UNSAID = frozenset({"raw", "arguments", "tool_calls", "tool_schemas", "response_format", "usage"})
"""Fields whose images, if they seem to hold some, nobody is asked to look at: what a provider or a model said."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_DATA = re.compile(r"data:(?P<type>image/[a-z0-9][a-z0-9.+-]*)(?:;[a-z0-9-]+=[a-z0-9._-]+)*;base64,", re.IGNORECASE)
_CREDENTIALS = "carries a name or password in its URL: expected a URL without"


class ImagePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What images a session takes: URLs of these schemes on public hosts, and data of a limited size.

    `allowed_hosts`, if given, are the only ones, `denied_hosts` never; "example.com" is that host, ".example.com"
    also every host below it. With `private`, hosts within one's own network are taken too; those that tell a machine
    about itself never are.
    """

    schemes: frozenset[str] = frozenset({"https", "data"})
    allowed_hosts: frozenset[str] | None = None
    denied_hosts: frozenset[str] = frozenset()
    private: bool = False
    data_limit: int = 1_048_576

    def __post_init__(self) -> None:
        force_setattr(self, "schemes", _names("schemes", self.schemes))
        unknown = sorted(self.schemes - SCHEMES)
        if unknown:
            raise InvalidValueError("the schemes of images", f"are {unknown}: expected some of {sorted(SCHEMES)}")
        if self.allowed_hosts is not None:
            force_setattr(self, "allowed_hosts", _names("allowed hosts", self.allowed_hosts))
        force_setattr(self, "denied_hosts", _names("denied hosts", self.denied_hosts))
        if not isinstance(self.private, bool):
            raise InvalidValueError("private of an image policy", f"is {self.private!r}: expected True or False")
        if isinstance(self.data_limit, bool) or not isinstance(self.data_limit, int) or self.data_limit < 0:
            raise InvalidValueError("the data limit of images", f"is {self.data_limit!r}: expected a number of bytes")

    def check(self, url: object) -> None:
        """Refuses an image at an address that is not allowed."""
        fault = self._fault(url)
        if fault is not None:
            raise ImageNotAllowedError(fault)

    def _fault(self, url: object) -> str | None:
        if not isinstance(url, str):
            return f"is a {type(url).__name__}: expected its URL as a str"
        scheme = _SCHEME.match(url)
        if scheme is None:
            return "has no scheme: expected a whole URL, such as one with https"
        kind = scheme[1].lower()
        if kind not in self.schemes:
            return f"has the scheme {kind[:20]}: expected {' or '.join(sorted(self.schemes)) or 'no image at all'}"
        if kind == "data":
            return self._fault_of_data(url)
        if any(_is_odd(character) for character in url):
            return "has a space, a control character or a backslash in its URL: expected them as percent codes"
        return self._fault_of_place(url[scheme.end() :])

    def _fault_of_data(self, url: str) -> str | None:
        start = _DATA.match(url)
        if start is None:
            return "is data of another kind: expected data:image/...;base64,"
        code = url[start.end() :]
        weight = len(code) // 4 * 3 - code[-2:].count("=")
        if weight > self.data_limit:
            return f"has {weight} bytes of data: expected {self.data_limit} at most"
        try:
            b64decode(code, validate=True)
        except (NotBase64, ValueError):
            return "has data that is not base64: expected base64 without spaces"
        return None if code else "has no data: expected some"

    def _fault_of_place(self, place: str) -> str | None:
        if not place.startswith("//"):
            return "has no host: expected a URL such as https://example.com/image.png"
        authority = re.split(r"[/?#]", place[2:], maxsplit=1)[0]
        if "@" in authority:
            return _CREDENTIALS
        host, bracket, port = authority.rpartition("]") if authority.startswith("[") else authority.partition(":")
        if authority.startswith("["):
            host, bracket, port = f"{host}]", port[:1], port[1:]
        if bracket not in ("", ":") or (bracket and not _is_port(port)):
            return "has a port that is none: expected a number from 1 to 65535"
        return host_problem(host.lower(), private=self.private) or self._fault_of_name(host.lower())

    def _fault_of_name(self, host: str) -> str | None:
        if _is_among(host, self.denied_hosts):
            return f"is on {host}: expected a host that is not denied"
        if self.allowed_hosts is not None and not _is_among(host, self.allowed_hosts):
            return f"is on {host}: expected one of the allowed hosts"
        return None


def images_in(content: MessageContent) -> Iterator[str]:
    """The addresses of all images that a content shows, in fields and in the parts of whatever is nested in it."""
    if isinstance(content, InstructionContent):
        yield from content.images
    for field in content.__struct_fields__:
        if field not in _UNSAID and not (field == "images" and isinstance(content, InstructionContent)):
            yield from _images_of(getattr(content, field))


def _images_of(value: Json) -> Iterator[str]:
    """Those in parts as providers have them: OpenAI's image_url, and a source of Anthropic's."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from _image_of(item)
            kind = item.get("type")
            said_by_model = ("input", "arguments") if isinstance(kind, str) and kind in CALLS else ()
            waiting += [value for key, value in item.items() if key not in said_by_model]
        elif isinstance(item, list | tuple):
            waiting += item
        elif isinstance(item, msgspec.Struct):
            waiting += [getattr(item, field) for field in item.__struct_fields__]


def _image_of(part: dict[str, Json]) -> Iterator[str]:
    shown = part.get("image_url")
    shown = shown.get("url") if isinstance(shown, dict) else shown
    if isinstance(shown, str):
        yield shown
    source = part.get("source")
    if not isinstance(source, dict):
        return
    if isinstance(source.get("url"), str) and source.get("type") in ("url", None):
        yield source["url"]
    if part.get("type") == "image" and isinstance(source.get("data"), str):
        yield f"data:{source.get('media_type')};base64,{source['data']}"


def _names(what: str, given: Iterable[str]) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Iterable) or not all(isinstance(each, str) for each in given):
        raise InvalidValueError(f"the {what} of images", f"are {given!r}: expected a set of names")
    return frozenset(each.lower() for each in given)


def _is_among(host: str, names: frozenset[str]) -> bool:
    return any(
        host == name.lstrip("*.") or (name[:1] in ".*" and host.endswith(f".{name.lstrip('*.')}")) for name in names
    )


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536


def _is_odd(character: str) -> bool:
    if "!" <= character <= "~":
        return character == "\\"
    return unicodedata.category(character)[0] in "CZ"
