"""A server on this machine that speaks what model providers speak.

That is chat completions, Anthropic's messages and Google's content. A test
writes the script: one reply after the other. What was asked is kept as it came over the wire.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server answers to one request."""

    text: str | None = None
    calls: list[tuple[str, str, str]] = field(default_factory=list)  # id, name, arguments as the model writes them
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of all else
    hold: threading.Event | None = None  # answer only when this is set
    cut: bool = False  # end the stream in the middle
    breaks: str | None = None  # say this error in the middle of the stream
    usage: tuple[int, int] = (11, 7)


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: Any


NOTHING_SAID = Reply(status=400, body=b'{"error": {"message": "the test says no reply to this"}}')


class ModelServer:
    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.arrived = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server.handle(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def will(self, *replies: Reply | str) -> None:
        """What is answered from here on, one after the other."""
        self.replies += [Reply(reply) if isinstance(reply, str) else reply for reply in replies]

    def will_call(self, *calls: tuple[str, str, str]) -> None:
        """That the model asks for calls: id, name, arguments as the model writes them."""
        self.replies.append(Reply(calls=list(calls)))

    def handle(self, http: BaseHTTPRequestHandler) -> None:
        body = json.loads(http.rfile.read(int(http.headers["content-length"])))
        with self.lock:
            headers = {key.lower(): value for key, value in http.headers.items()}
            self.requests.append(Request(http.path, headers, body))
            reply = (
                self.replies.pop(0) if self.replies else Reply(status=400, body=b'{"error": {"message": "no reply"}}')
            )
        self.arrived.set()
        if reply.hold is not None:
            reply.hold.wait(30)
        try:
            if http.path.endswith("/messages"):
                self._anthropic(http, body, reply)
            elif "enerateContent" in http.path:
                self._google(http, reply)
            else:
                self._openai(http, body, reply)
        except (BrokenPipeError, ConnectionResetError):
            http.close_connection = True

    def _send(self, http: BaseHTTPRequestHandler, reply: Reply, body: bytes, kind: str = "application/json") -> None:
        http.send_response(reply.status)
        http.send_header("content-type", kind)
        for key, value in reply.headers.items():
            http.send_header(key, value)
        http.send_header("content-length", str(len(body)))
        http.end_headers()
        http.wfile.write(body)

    def _stream(self, http: BaseHTTPRequestHandler, reply: Reply, events: Iterator[str]) -> None:
        http.send_response(200)
        http.send_header("content-type", "text/event-stream")
        http.send_header("connection", "close")
        http.end_headers()
        http.close_connection = True
        sent = list(events)
        if reply.breaks is not None:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": reply.breaks}}
            sent = [*sent[: len(sent) // 2], f"event: error\ndata: {json.dumps(error)}\n\n"]
        for event in sent[: len(sent) // 2] if reply.cut else sent:
            http.wfile.write(event.encode())
            http.wfile.flush()

    def _openai(self, http: BaseHTTPRequestHandler, body: Any, reply: Reply) -> None:
        if reply.body is not None or reply.status != 200:
            self._send(http, reply, reply.body or b'{"error": {"message": "it broke", "type": "server_error"}}')
        elif body.get("stream"):
            self._stream(http, reply, openai_events(body, reply))
        else:
            self._send(http, reply, json.dumps(openai_completion(body, reply)).encode())

    def _anthropic(self, http: BaseHTTPRequestHandler, body: Any, reply: Reply) -> None:
        if reply.body is not None or reply.status != 200:
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "it broke"}}
            self._send(http, reply, reply.body or json.dumps(error).encode())
        elif body.get("stream"):
            self._stream(http, reply, anthropic_events(body, reply))
        else:
            self._send(http, reply, json.dumps(anthropic_message(body, reply)).encode())

    def _google(self, http: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.body is not None or reply.status != 200:
            error = {"error": {"code": reply.status, "message": "it broke", "status": "INTERNAL"}}
            self._send(http, reply, reply.body or json.dumps(error).encode())
        elif ":streamGenerateContent" in http.path:
            self._stream(http, reply, google_events(reply))
        else:
            self._send(http, reply, json.dumps(google_content(reply)).encode())


def openai_completion(body: Any, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.calls:
        message["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in reply.calls
        ]
    finish = "tool_calls" if reply.calls else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "provider": "Mistral",  # only OpenRouter says so
        "created": 1700000000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "native_finish_reason": finish}],
        "usage": openai_usage(reply),
    }


def openai_usage(reply: Reply) -> dict[str, int]:
    sent, came = reply.usage
    return {"prompt_tokens": sent, "completion_tokens": came, "total_tokens": sent + came}


def openai_events(body: Any, reply: Reply) -> Iterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": body["model"]}
        return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    for word in (reply.text or "").split(" ") if reply.text else []:
        yield chunk({"content": word if word == (reply.text or "").split(" ")[0] else f" {word}"})
    for number, (id, name, arguments) in enumerate(reply.calls):
        function = {"name": name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": number, "id": id, "type": "function", "function": function}]})
        yield chunk({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]})
    # Only Groq says it there.
    yield chunk({}, "tool_calls" if reply.calls else "stop", x_groq={"id": "req_1", "usage": openai_usage(reply)})
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": body["model"]}
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': openai_usage(reply)})}\n\n"
    yield "data: [DONE]\n\n"


def anthropic_message(body: Any, reply: Reply) -> dict[str, Any]:
    text = [{"type": "text", "text": reply.text}] if reply.text is not None else []
    calls = [
        {"type": "tool_use", "id": id, "name": name, "input": json.loads(arguments)}
        for id, name, arguments in reply.calls
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [*text, *calls],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": reply.usage[0], "output_tokens": reply.usage[1]},
    }


def anthropic_events(body: Any, reply: Reply) -> Iterator[str]:
    def event(kind: str, **fields: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"

    whole = anthropic_message(body, reply)
    empty: dict[str, Any] = {
        **whole,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": reply.usage[0], "output_tokens": 1},
    }
    yield event("message_start", message=empty)
    for number, block in enumerate(whole["content"]):
        if block["type"] == "text":
            yield event("content_block_start", index=number, content_block={"type": "text", "text": ""})
            words = block["text"].split(" ")
            for place, word in enumerate(words):
                said = word if place == 0 else f" {word}"
                yield event("content_block_delta", index=number, delta={"type": "text_delta", "text": said})
        else:
            yield event("content_block_start", index=number, content_block={**block, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield event("content_block_delta", index=number, delta=delta)
        yield event("content_block_stop", index=number)
    end: dict[str, Any] = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield event("message_delta", delta=end, usage={"output_tokens": reply.usage[1]})
    yield event("message_stop")


def google_content(reply: Reply) -> dict[str, Any]:
    text = [{"text": reply.text}] if reply.text is not None else []
    calls = [
        {"functionCall": {"id": id, "name": name, "args": json.loads(arguments)}} for id, name, arguments in reply.calls
    ]
    sent, came = reply.usage
    counted = {"promptTokenCount": sent, "candidatesTokenCount": came, "totalTokenCount": sent + came}
    content = {"role": "model", "parts": [*text, *calls]}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": counted, "modelVersion": "gemini-2.5", "responseId": "r-1"}


def google_events(reply: Reply) -> Iterator[str]:
    words = (reply.text or "").split(" ")
    for place, word in enumerate(words):
        whole = google_content(Reply(word if place == 0 else f" {word}", usage=reply.usage))
        if place < len(words) - 1:
            del whole["candidates"][0]["finishReason"]
        yield f"data: {json.dumps(whole)}\n\n"


@contextmanager
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()
