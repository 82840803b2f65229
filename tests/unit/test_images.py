"""Which images a policy takes, by what their address says; no name is looked up."""

from typing import Any

import pytest

from turnlog.domain.content import (
    ActionRequestContent,
    ActionResponseContent,
    AssistantResponseContent,
    InstructionContent,
    MessageContent,
)
from turnlog.domain.content_parsing import parse_content
from turnlog.domain.content_types import UnknownContent
from turnlog.domain.errors import ImageNotAllowedError, InvalidValueError
from turnlog.domain.images import ImagePolicy, images_in

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "HTTPS://EXAMPLE.COM/a.png?x=1&y=%20#z",
        "https://example.com",
        "https://example.com:8443/a",
        "https://a-b.c_d.example.co.uk/@home/a.png",
        "https://xn--bcher-kva.example/",
        "https://example.com/b\u00fccher.png",
        "https://8.8.8.8/a.png",
        "https://[2606:4700::1111]/a.png",
        "https://[2606:4700::1111]:443/a.png",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::808:808]/",
        "https://10.example.com/",
        "https://localhost.example.com/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        PIXEL,
        PIXEL.replace("image/gif", "IMAGE/PNG;name=a.png"),
    ],
)
def test_public_addresses_and_small_data_are_taken(url: str) -> None:
    ImagePolicy().check(url)


REFUSED = {
    "scheme": [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "gopher://example.com/",
        "blob:https://example.com/1",
        "//example.com/a.png",
        "/etc/passwd",
        "example.com/a.png",
        "",
        ":",
        "https",
    ],
    "URL": [
        "https://example.com/\0",
        "https://example.com/a b",
        "https://example.com/\n",
        "\nhttps://example.com/",
        " https://example.com/",
        "https://exam\tple.com/",
        "https://example.com\r\nHost: x",
        "https://example.com/\x7f",
        "https://example.com/\u2028",
        "https://example.com/\u202e",
        "https://example.com/\u00a0",
        "https://example.com/\ud800",
        "https:\\\\example.com\\a.png",
        "https://example.com\\@127.0.0.1/",
        "https://ada:secret@example.com/",
        "https://ada@example.com/",
        "https://@example.com/",
        "https://example.com@127.0.0.1/",
    ],
    "host": [
        "https://",
        "https:///a.png",
        "https:example.com",
        "https:/example.com",
        "https://:443/",
        "https://[]/",
        "https://example..com/",
        "https://.example.com/",
        "https://-a.example.com/",
        "https://a,b.example.com/",
        "https://example.com./",
        "https://127.0.0.1./",
        "https://localhost./",
        "https://%31%32%37.0.0.1/",
        "https://exam%70le.com/",
        "https://127\u30020\u30020\u30021/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://\u24d4xample.com/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://a.localhost/",
        "https://printer.local/",
        "https://db.internal/",
        "https://intranet/",
        "https://router.home.arpa/",
        f"https://{'a' * 64}.example.com/",
        f"https://{'a.' * 130}com/",
    ],
    "port": [
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:-1/",
        "https://example.com:a/",
        "https://example.com:\u0664\u0664/",
        "https://example.com:443:80/",
        "https://[2606:4700::1111]a/",
        "https://[2606:4700::1111/",
    ],
    "address": [
        "https://127.0.0.1/",
        "https://127.8.9.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://169.254.1.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://192.0.2.1/",
        "https://198.18.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.0x1/",
        "https://017700000001/",
        "https://1.2.3.4.5/",
        "https://8.8.8.08/",
        "https://999.1.1.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://[fc00::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[2001:0:5ef5:79fd::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:a9fe:a9fe::1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[64:ff9b:1::1]/",
        "https://[1:2]/",
        "https://[127.0.0.1]/",
    ],
    "itself|public": [
        "https://169.254.169.254/latest/meta-data/",
        "https://metadata.google.internal/",
        "https://metadata/",
        "https://[fd00:ec2::254]/",
        "https://100.100.100.200/",
        "https://168.63.129.16/",
        "https://[::ffff:169.254.169.254]/",
    ],
    "data": [
        "data:text/html;base64,aGk=",
        "data:,hello",
        "data:image/png,hello",
        "data:image/png;base64,",
        "data:image/png;base64,a",
        "data:image/png;base64,aGk",
        "data:image/png;base64,aG k=",
        "data:image/png;base64,aGk=\n",
        "data:image/png;base64,a-_=",
        "data:image/;base64,aGk=",
        "data:image/png\0;base64,aGk=",
        "data:imagex/png;base64,aGk=",
        "data:text/html;image/png;base64,aGk=",
    ],
}


@pytest.mark.parametrize(("word", "url"), [(word, url) for word, urls in REFUSED.items() for url in urls])
def test_what_leads_elsewhere_is_refused_and_the_reason_is_said(word: str, url: str) -> None:
    with pytest.raises(ImageNotAllowedError, match=word) as refused:
        ImagePolicy().check(url)

    assert "expected" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", [None, 7, b"https://example.com/", ["https://example.com/"]])
def test_what_is_no_text_is_refused(url: object) -> None:
    with pytest.raises(ImageNotAllowedError, match="expected its URL as a str"):
        ImagePolicy().check(url)


def taken(policy: ImagePolicy, url: str) -> bool:
    try:
        policy.check(url)
    except ImageNotAllowedError:
        return False
    return True


@pytest.mark.parametrize(
    ("policy", "url", "is_taken"),
    [
        (ImagePolicy(schemes=frozenset({"http", "https"})), "http://example.com/", True),
        (ImagePolicy(schemes=frozenset({"http", "https"})), "http://127.0.0.1/", False),
        (ImagePolicy(schemes=frozenset({"https"})), PIXEL, False),
        (ImagePolicy(schemes=frozenset()), "https://example.com/", False),
        (ImagePolicy(data_limit=29), PIXEL, True),
        (ImagePolicy(data_limit=28), PIXEL, False),
        (ImagePolicy(allowed_hosts=frozenset({"example.com"})), "https://EXAMPLE.com/", True),
        (ImagePolicy(allowed_hosts=frozenset({"example.com"})), "https://a.example.com/", False),
        (ImagePolicy(allowed_hosts=frozenset({".example.com"})), "https://a.b.example.com/", True),
        (ImagePolicy(allowed_hosts=frozenset({"*.example.com"})), "https://example.com/", True),
        (ImagePolicy(allowed_hosts=frozenset({".example.com"})), "https://badexample.com/", False),
        (ImagePolicy(allowed_hosts=frozenset({"example.com"})), PIXEL, True),
        (ImagePolicy(allowed_hosts=frozenset({"127.0.0.1"})), "https://127.0.0.1/", False),
        (ImagePolicy(denied_hosts=frozenset({".example.com"})), "https://a.example.com/", False),
        (ImagePolicy(denied_hosts=frozenset({"example.com"})), "https://a.example.com/", True),
        (ImagePolicy(private=True), "https://127.0.0.1/", True),
        (ImagePolicy(private=True), "https://[::1]/", True),
        (ImagePolicy(private=True), "https://[fd12::1]/", True),
        (ImagePolicy(private=True), "https://10.1.2.3:9000/", True),
        (ImagePolicy(private=True), "https://minio/", True),
        (ImagePolicy(private=True), "https://cdn.internal/", True),
        (ImagePolicy(private=True), "https://169.254.169.254/", False),
        (ImagePolicy(private=True), "https://metadata.google.internal/", False),
        (ImagePolicy(private=True), "https://[fd00:ec2::254]/", False),
        (ImagePolicy(private=True), "https://[::ffff:169.254.169.254]/", False),
        (ImagePolicy(private=True), "https://[ff02::1]/", False),
        (ImagePolicy(private=True), "https://0.0.0.0/", False),
        (ImagePolicy(private=True), "https://2130706433/", False),
    ],
)
def test_a_policy_widens_or_narrows_what_is_taken(policy: ImagePolicy, url: str, is_taken: bool) -> None:
    assert taken(policy, url) is is_taken


@pytest.mark.parametrize(
    "given",
    [
        {"schemes": {"https", "file"}},
        {"schemes": "https"},
        {"allowed_hosts": "example.com"},
        {"denied_hosts": [7]},
        {"private": 1},
        {"data_limit": -1},
        {"data_limit": True},
        {"data_limit": "1 MB"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="expected"):
        ImagePolicy(**given)


URL = "http://a/1"
SHOWN = {"type": "image_url", "image_url": {"url": URL}}


@pytest.mark.parametrize(
    "content",
    [
        InstructionContent(images=[URL]),
        InstructionContent(instruction="look", images=[URL]),
        InstructionContent(instruction=[{"type": "text", "text": "look"}, SHOWN]),
        InstructionContent(instruction=[{"type": "image_url", "image_url": URL}]),
        InstructionContent(instruction=[{"type": "input_image", "image_url": URL}]),
        InstructionContent(instruction=[{"type": "image", "source": {"type": "url", "url": URL}}]),
        InstructionContent(instruction=[{"type": "document", "source": {"type": "url", "url": URL}}]),
        InstructionContent(instruction={"parts": [[{"deep": SHOWN}]]}),
        InstructionContent(context=[SHOWN]),
        InstructionContent(guidance=SHOWN),
        InstructionContent(extra={"more": [SHOWN]}),
        AssistantResponseContent(assistant_response=[SHOWN]),
        ActionResponseContent(result=[{"type": "tool_result", "content": [SHOWN]}]),
        UnknownContent(tag="a.b", fields={"parts": [SHOWN]}),
        parse_content({"role": "user", "content": [SHOWN]}),
        parse_content({"role": "user", "content": "look", "images": [URL]}),
        parse_content({"role": "user", "content": "look", "images": [URL, URL]}),
    ],
)
def test_images_are_found_wherever_a_provider_would_look(content: MessageContent) -> None:
    assert set(images_in(content)) == {URL}


def test_image_data_is_found_too() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}

    assert list(images_in(InstructionContent(instruction=[{"type": "image", "source": source}]))) == [
        "data:image/png;base64,aGk="
    ]


@pytest.mark.parametrize(
    "content",
    [
        InstructionContent(instruction="https://127.0.0.1/ is what I mean"),
        InstructionContent(instruction={"source": "file", "url": URL}),
        ActionRequestContent(function="show", arguments={"image_url": URL}),
        AssistantResponseContent(raw=SHOWN),
        parse_content({"role": "user", "content": "look", "images": ["aGVsbG8="]}),
    ],
)
def test_what_shows_no_image_is_left_alone(content: MessageContent) -> None:
    assert list(images_in(content)) == []


def test_a_list_of_images_that_says_of_one_where_it_is_is_looked_at_as_a_whole() -> None:
    assert list(images_in(parse_content({"role": "user", "content": "look", "images": ["aGVsbG8=", URL]}))) == [
        "aGVsbG8=",
        URL,
    ]


@pytest.mark.parametrize("kind", [["tool_use"], {"a": 1}, 7, None])
def test_images_are_found_in_parts_of_any_type(kind: Any) -> None:
    part = {"type": kind, "input": {"image_url": "https://example.com/a.png"}}
    content = parse_content({"role": "assistant", "content": [part]})
    assert list(images_in(content)) == ["https://example.com/a.png"]
