"""Webhooks: signed, deliberate, and to no other address than was meant, whatever names say a moment later."""

from __future__ import annotations

import hmac
import socket
import threading
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from turnlog.errors import DeliveryError, InvalidValueError
from turnlog.infrastructure.logs.addresses import allowed_networks, is_allowed
from turnlog.logs import Log, LogBatch, LogBroadcaster, RetryPolicy, WebhookLogSubscriber

if TYPE_CHECKING:
    from tests.hooks import Hooks

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
LOGS = [Log("info", "hello", id="a", created_at=NOON), Log("error", error="boom", id="b", created_at=NOON)]
LOCAL = ["127.0.0.0/8"]


def to(hooks: Hooks, **options: Any) -> WebhookLogSubscriber:
    """A subscriber that finds the receiver by its name, on this machine."""
    given = {
        "allowed_networks": LOCAL,
        "ssl_context": hooks.trusting,
        "resolve": lambda host, port: ["127.0.0.1"],
        "clock": lambda: 1_700_000_000_000_000,
        "timeout": 20.0,
        **options,
    }
    return WebhookLogSubscriber(options.pop("url", hooks.url), **{k: v for k, v in given.items() if k != "url"})


def test_a_batch_arrives_as_json_with_a_key_a_timestamp_and_a_signature(hooks: Hooks) -> None:
    to(hooks, secret="shared", headers={"X-Team": "audit", "content-type": "text/plain"}).send(LOGS)

    (request,) = hooks.requests
    assert request.path == "/in?key=of-the-path"
    assert request.body == (
        b'[{"type":"info","message":"hello","id":"a","created_at":"2025-03-01T12:00:00Z"},'
        b'{"type":"error","error":"boom","id":"b","created_at":"2025-03-01T12:00:00Z"}]'
    )
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["content-type"] == "application/json"
    assert headers["x-team"] == "audit"
    assert headers["idempotency-key"] == LogBatch(tuple(LOGS)).key
    assert headers["turnlog-timestamp"] == "1700000000"
    expected = hmac.new(b"shared", b"1700000000." + request.body, sha256).hexdigest()
    assert headers["turnlog-signature"] == f"sha256={expected}"
    assert headers["turnlog-signature"] == WebhookLogSubscriber.signature("shared", "1700000000", request.body)


def test_host_and_certificate_are_those_of_the_name_though_the_address_is_connected_to(hooks: Hooks) -> None:
    to(hooks).send(LOGS)

    assert hooks.names_asked == ["hooks.example.com"]
    assert hooks.requests[0].headers["Host"] == f"hooks.example.com:{hooks.port}"


def test_a_certificate_of_nobody_known_is_not_taken(hooks: Hooks) -> None:
    subscriber = to(hooks, ssl_context=None)

    with pytest.raises(DeliveryError, match="ConnectError"):
        subscriber.send(LOGS)

    assert hooks.requests == []


def test_a_receiver_that_fails_is_tried_again_with_the_same_key(hooks: Hooks) -> None:
    pauses: list[float] = []
    hooks.answer(500)
    hooks.answer(503)
    retry = RetryPolicy(first_pause=1.0, jitter=lambda: 1.0)
    subscriber = to(hooks)

    LogBroadcaster([subscriber], retry=retry, sleep=pauses.append).deliver(subscriber.name, LOGS)

    assert pauses == [1.0, 2.0]
    assert len(hooks.requests) == 3
    assert len({request.headers["Idempotency-Key"] for request in hooks.requests}) == 1


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.0),
        ("Tue, 14 Nov 2023 22:13:10 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_what_a_receiver_asks_for_is_heard(hooks: Hooks, asked: str, seconds: float | None) -> None:
    hooks.answer(429, Retry_After=asked)

    with pytest.raises(DeliveryError, match="it answered 429") as failed:
        to(hooks).send(LOGS)

    assert failed.value.retry_after == seconds
    assert not failed.value.final


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(hooks: Hooks, status: int) -> None:
    hooks.answer(status, Location=f"https://hooks.example.com:{hooks.port}/elsewhere")

    with pytest.raises(DeliveryError, match=f"it answered {status}, which redirects, and that is not followed"):
        to(hooks).send(LOGS)

    assert [request.path for request in hooks.requests] == ["/in?key=of-the-path"]


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (413, True), (422, True), (401, False), (404, False), (408, False)]
)
def test_what_is_wrong_with_the_batch_is_final_and_what_may_pass_is_not(hooks: Hooks, status: int, final: bool) -> None:
    hooks.answer(status)

    with pytest.raises(DeliveryError) as failed:
        to(hooks).send(LOGS)

    assert failed.value.final is final


def test_a_receiver_that_stalls_is_given_up(hooks: Hooks) -> None:
    hooks.answers.append(lambda handler: hooks.stall())

    with pytest.raises(DeliveryError, match="ReadTimeout"):
        to(hooks, timeout=0.3).send(LOGS)


def test_a_receiver_that_answers_a_byte_at_a_time_is_given_up_all_the_same(hooks: Hooks) -> None:
    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not hooks.ended.wait(0.02):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return

    hooks.answers.append(drip)

    with pytest.raises(DeliveryError, match="ReadTimeout"):
        to(hooks, timeout=0.5).send(LOGS)


def test_the_body_of_an_answer_is_not_waited_for(hooks: Hooks) -> None:
    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000000000")
        handler.end_headers()
        hooks.stall()

    hooks.answers.append(endless)

    to(hooks).send(LOGS)

    assert len(hooks.requests) == 1


def test_a_receiver_that_is_not_there_is_a_failure_that_passes() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        subscriber = WebhookLogSubscriber(url, https_only=False, allowed_networks=LOCAL)

        with pytest.raises(DeliveryError) as failed:
            subscriber.send(LOGS)

    assert not failed.value.final


# --- Addresses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "100.127.255.255", "198.18.0.1", "198.19.255.255", "192.0.0.170"),
        *("192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::", "2001::1", "2001:db8::1", "fe80::1", "fe80::1%eth0"),
        *("fc00::1", "fd12::1", "ff02::1", "fec0::1", "::127.0.0.1", "3fff::1", "5f00::1", "100::1", "nonsense", ""),
    ],
)
def test_an_address_that_does_not_belong_to_everybody_is_not_allowed(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "100.63.0.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"],
)
def test_an_address_that_belongs_to_everybody_is_allowed(address: str) -> None:
    assert is_allowed(address, ())


def test_networks_are_allowed_by_hand_and_no_others_with_them() -> None:
    networks = allowed_networks(["10.1.0.0/16", "fd00:1::/32"])

    assert is_allowed("10.1.2.3", networks)
    assert is_allowed("::ffff:10.1.2.3", networks)
    assert is_allowed("fd00:1::5", networks)
    assert not is_allowed("10.2.0.1", networks)
    with pytest.raises(InvalidValueError, match="cannot be understood"):
        allowed_networks(["10.1.0.1/16"])
    with pytest.raises(InvalidValueError, match="expected a list"):
        allowed_networks("10.0.0.0/8")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254"])
def test_nothing_is_sent_to_an_address_that_is_not_allowed(hooks: Hooks, address: str) -> None:
    with pytest.raises(DeliveryError, match="an address that is not public and was not allowed"):
        to(hooks, allowed_networks=(), resolve=lambda host, port: [address]).send(LOGS)

    assert hooks.requests == []


def test_one_address_of_many_that_is_not_allowed_is_enough(hooks: Hooks) -> None:
    with pytest.raises(DeliveryError, match="was not allowed"):
        to(hooks, resolve=lambda host, port: ["127.0.0.1", "10.0.0.1"]).send(LOGS)

    assert hooks.requests == []


def test_a_name_that_means_another_address_a_moment_later_changes_nothing(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    connected: list[Any] = []
    connect = socket.create_connection

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    def watched(address: Any, *args: Any, **options: Any) -> socket.socket:
        connected.append(address[0])
        return connect(address, *args, **options)

    monkeypatch.setattr(socket, "create_connection", watched)
    subscriber = to(hooks, resolve=rebinding)

    subscriber.send(LOGS)
    with pytest.raises(DeliveryError, match="was not allowed"):
        subscriber.send(LOGS)

    assert asked == ["hooks.example.com", "hooks.example.com"]
    assert connected == ["127.0.0.1"]
    assert len(hooks.requests) == 1


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"])
def test_this_machine_is_not_reached_by_any_of_its_names(hooks: Hooks, host: str) -> None:
    subscriber = WebhookLogSubscriber(f"https://{host}:{hooks.port}/", ssl_context=hooks.trusting)

    with pytest.raises(DeliveryError, match="was not allowed"):
        subscriber.send(LOGS)

    assert hooks.requests == []


def test_proxies_of_the_environment_are_not_asked(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    to(hooks).send(LOGS)

    assert len(hooks.requests) == 1


def test_the_second_address_is_tried_if_nobody_answers_at_the_first(hooks: Hooks) -> None:
    to(hooks, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]).send(LOGS)

    assert len(hooks.requests) == 1


def test_a_name_without_an_address_is_a_failure_that_passes(hooks: Hooks) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    def nothing(host: str, port: int) -> list[str]:
        return []

    for resolve in (unknown, nothing):
        with pytest.raises(DeliveryError) as failed:
            to(hooks, resolve=resolve).send(LOGS)
        assert not failed.value.final


# --- What can be given --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "ftp://hooks.example.com/", "//hooks.example.com", "https://", "https:///x", ""),
        *("https://ada:hunter2@hooks.example.com/", "https://hooks.example.com/#x", "https://h:port/", "https://h/a b"),
        *("https://h/\nx", "https://[::1", None, 3, "https://h\u00f6st/", "https://evil.org\\.example.com/"),
        *("https://evil.org\\@example.com/", "https://exa%6dple.com/"),
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_and_not_repeated(url: Any) -> None:
    with pytest.raises(InvalidValueError, match="the address of the webhook") as refused:
        WebhookLogSubscriber(url)

    assert "hunter2" not in str(refused.value)


def test_only_hosts_on_the_list_are_accepted() -> None:
    allowed = ["hooks.example.com", ".internal.example"]

    for host in ("hooks.example.com", "HOOKS.example.com", "a.internal.example"):
        WebhookLogSubscriber(f"https://{host}/x", allowed_hosts=allowed)
    for host in ("example.com", "evil-hooks.example.com", "hooks.example.com.evil.org", "internal.example"):
        with pytest.raises(InvalidValueError, match="expected one that is allowed"):
            WebhookLogSubscriber(f"https://{host}/x", allowed_hosts=allowed)
    with pytest.raises(InvalidValueError, match="expected a list"):
        WebhookLogSubscriber("https://example.com", allowed_hosts="example.com")


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"timeout": 0}, {"timeout": -1.0}, {"batch_size": True}])
def test_sizes_and_times_of_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError, match="expected a number above 0"):
        WebhookLogSubscriber("https://example.com", **options)


def test_names_hold_no_secrets_and_tell_paths_apart() -> None:
    one = WebhookLogSubscriber("https://hooks.example.com/services/T0/B0/hunter2?key=hunter2", secret="hunter2")
    other = WebhookLogSubscriber("https://hooks.example.com/services/T0/B0/other")

    assert one.name.startswith("webhook:hooks.example.com-")
    assert one.name != other.name
    assert "hunter2" not in repr(one)


def test_many_threads_may_send_at_once(hooks: Hooks) -> None:
    subscriber = to(hooks)
    threads = [threading.Thread(target=subscriber.send, args=([Log("info", id=f"{n}")],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(id for request in hooks.requests for id in request.ids) == [f"{n}" for n in range(8)]
