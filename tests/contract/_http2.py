"""A blocking client of one HTTP/2 connection that shows what comes on the wire, and can leave a stream without room."""

from __future__ import annotations

import json
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from h2 import config, connection, events

DEADLINE_S = 60.0  # for what should come at once


@dataclass
class Answer:
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b''
    ended: bool = False
    reset: int | None = None  # the code of the server's RST_STREAM

    @property
    def status(self) -> int:
        return int(self.headers.get(':status', 0))

    @property
    def decoded(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The events of a watch that have come whole."""
        return [json.loads(line) for line in self.body.split(b'\n')[:-1]]


class Connection:
    """A connection as the user of `token`, or of a certificate; each request is known by its stream's number."""

    def __init__(
        self,
        server: str,
        authority: Path | None,
        token: str = '',
        certificate: tuple[Path, Path] | None = None,
        offers: Sequence[str] = ('h2', 'http/1.1'),
    ) -> None:
        context = ssl.create_default_context(cafile=str(authority) if authority else None)
        if offers:
            context.set_alpn_protocols(list(offers))
        if certificate:
            context.load_cert_chain(*certificate)
        address = urlsplit(server)
        assert address.hostname and address.port
        self._authority, self._token = address.netloc, token
        raw = socket.create_connection((address.hostname, address.port), DEADLINE_S)
        self._socket = context.wrap_socket(raw, server_hostname=address.hostname)
        self.chosen = self._socket.selected_alpn_protocol()
        self.frames = connection.H2Connection(config.H2Configuration(header_encoding='utf-8'))
        self.answers: defaultdict[int, Answer] = defaultdict(Answer)
        self.stalled: set[int] = set()  # streams whose data is taken but given no new room
        self.last: int | None = None  # the last stream that the server's GOAWAY promises to answer
        self.closed = False
        self._withheld: defaultdict[int, int] = defaultdict(int)
        if self.chosen == 'h2':
            self.frames.initiate_connection()
            self.frames.increment_flow_control_window(2**30)  # as Go's client: only streams hold back
            self._send()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, method: str, path: str, body: object = None, kind: str = 'application/json') -> int:
        stream = self.frames.get_next_available_stream_id()
        headers = [(':method', method), (':scheme', 'https'), (':authority', self._authority), (':path', path)]
        headers += [('authorization', f'Bearer {self._token}')] if self._token else []
        if body is None:
            self.frames.send_headers(stream, headers, end_stream=True)
        else:
            self.frames.send_headers(stream, [*headers, ('content-type', kind)])
            self._send_body(stream, json.dumps(body).encode())
        self._send()
        return stream

    def _send_body(self, stream: int, body: bytes) -> None:
        answer = self.answers[stream]
        while body:
            self.until(lambda: self.frames.local_flow_control_window(stream) > 0 or answer.reset is not None)
            if answer.reset is not None:
                return
            size = min(self.frames.local_flow_control_window(stream), self.frames.max_outbound_frame_size)
            self.frames.send_data(stream, body[:size])
            self._send()
            body = body[size:]
        self.frames.end_stream(stream)

    def call(self, method: str, path: str, body: object = None, kind: str = 'application/json') -> Answer:
        return self.wait(self.send(method, path, body, kind))

    def wait(self, stream: int) -> Answer:
        self.until(lambda: self.answers[stream].ended)
        return self.answers[stream]

    def reset(self, stream: int) -> None:
        self.frames.reset_stream(stream, 8)
        self._send()

    def go_on(self, stream: int) -> None:
        """Give a stalled stream the room it waits for."""
        self.stalled.discard(stream)
        self.frames.acknowledge_received_data(self._withheld.pop(stream, 0), stream)
        self._send()

    def until(self, so: Callable[[], object]) -> None:
        """Read until it is so; a server that says nothing for DEADLINE_S fails the test."""
        while not so():
            data = self._socket.recv(65536)
            assert data, f'the server closed the connection; answers: {dict(self.answers)}'
            self._received(data)

    def until_closed(self) -> None:
        while data := self._socket.recv(65536):
            self._received(data)

    def _received(self, data: bytes) -> None:
        for event in self.frames.receive_data(data):
            match event:
                case events.ResponseReceived():
                    self.answers[event.stream_id].headers = {str(k): str(v) for k, v in event.headers}
                case events.DataReceived():
                    self.answers[event.stream_id].body += event.data
                    self._make_room(event)
                case events.StreamEnded():
                    self.answers[event.stream_id].ended = True
                case events.StreamReset():
                    self.answers[event.stream_id].reset = event.error_code
                case events.ConnectionTerminated():
                    self.last = event.last_stream_id
        self._send()

    def _make_room(self, event: events.DataReceived) -> None:
        if event.stream_id in self.stalled:
            self._withheld[event.stream_id] += event.flow_controlled_length
        else:
            self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _send(self) -> None:
        self._socket.sendall(self.frames.data_to_send())
