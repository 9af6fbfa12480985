"""A server that speaks HTTP/2 and does to each request what a test says; the frames are h2's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from tests.listening import listening


@dataclass
class Ask:
    """One request, and what can be done to it."""

    connection: Connection
    number: int
    fields: dict[str, str]
    body: bytes = b''
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    reset: ErrorCodes | int | None = None

    @property
    def path(self) -> str:
        return self.fields[':path']

    @property
    def method(self) -> str:
        return self.fields[':method']

    def head(self, status: int = 200, *, end: bool = False, **headers: str) -> None:
        fields = [(':status', str(status)), *((name.replace('_', '-'), text) for name, text in headers.items())]
        self.connection.frames.send_headers(self.number, fields, end_stream=end)
        self.connection.flush()

    async def data(self, data: bytes, *, end: bool = False) -> None:
        """Send, as the client's windows let it through."""
        frames = self.connection.frames
        while data:
            room = min(frames.local_flow_control_window(self.number), frames.max_outbound_frame_size)
            if room <= 0:
                await self.connection.heard()
                continue
            piece, data = data[:room], data[room:]
            frames.send_data(self.number, piece, end_stream=end and not data)
            self.connection.flush()

    async def answer(self, document: object = None, status: int = 200, **headers: str) -> None:
        self.head(status, **headers)
        await self.data(json.dumps({} if document is None else document).encode(), end=True)

    def refuse(self, code: ErrorCodes = ErrorCodes.REFUSED_STREAM) -> None:
        self.connection.frames.reset_stream(self.number, code)
        self.connection.flush()


Act = Callable[[Ask], Awaitable[None]]


class Connection:
    def __init__(self, number: int, writer: asyncio.StreamWriter, settings: Mapping[SettingCodes, int]) -> None:
        self.number = number
        self.frames = H2Connection(H2Configuration(client_side=False, header_encoding='latin-1'))
        self._writer = writer
        self.frames.local_settings = Settings(client=False, initial_values=dict(settings))
        self._heard = asyncio.Event()
        self.asks: dict[int, Ask] = {}

    async def serve(self, reader: asyncio.StreamReader, begun: Callable[[Ask], None]) -> None:
        self.frames.initiate_connection()
        self.flush()
        while data := await reader.read(65536):
            try:
                for event in self.frames.receive_data(data):
                    self._take(event, begun)
            except ProtocolError:
                break
            self.flush()
            self._heard.set()

    def _take(self, event: Any, begun: Callable[[Ask], None]) -> None:
        if isinstance(event, RequestReceived):
            ask = self.asks[event.stream_id] = Ask(self, event.stream_id, dict(event.headers))
            begun(ask)
        elif isinstance(event, DataReceived):
            self.asks[event.stream_id].body += event.data
            if event.flow_controlled_length:
                self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.asks[event.stream_id].whole.set()
        elif isinstance(event, StreamReset):
            self.asks[event.stream_id].reset = event.error_code

    async def heard(self) -> None:
        """Wait until the client has said more."""
        self._heard.clear()
        await self._heard.wait()

    def flush(self) -> None:
        self._writer.write(self.frames.data_to_send())

    def go_away(self, last: int) -> None:
        """Say that no request after this one is carried out; unlike h2's own, what is under way goes on."""
        self._writer.write(b'\0\0\x08\x07\0' + b'\0\0\0\0' + last.to_bytes(4, 'big') + b'\0\0\0\0')

    def raw(self, data: bytes) -> None:
        self._writer.write(data)

    def cut(self) -> None:
        self._writer.transport.abort()


@dataclass
class Server:
    port: int = 0
    asks: list[Ask] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    chosen: list[str | None] = field(default_factory=list)  # what each connection was agreed to speak

    @property
    def url(self) -> str:
        return f'https://127.0.0.1:{self.port}'


@contextlib.asynccontextmanager
async def serving(
    act: Act, tls: ssl.SSLContext, settings: Mapping[SettingCodes, int] | None = None
) -> AsyncIterator[Server]:
    """Serve; `tls` is a server's context, which is made to offer HTTP/2 only."""
    tls.set_alpn_protocols(['h2'])
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.chosen.append(writer.get_extra_info('ssl_object').selected_alpn_protocol())
        connection = Connection(len(server.connections), writer, settings or {})
        server.connections.append(connection)
        under_way: list[asyncio.Task[None]] = []

        def begun(ask: Ask) -> None:
            server.asks.append(ask)
            under_way.append(asyncio.ensure_future(_acted(act, ask)))

        try:
            await connection.serve(reader, begun)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async with listening(serve, tls) as server.port:
        yield server


async def _acted(act: Act, ask: Ask) -> None:
    with contextlib.suppress(ProtocolError):  # the client has gone on
        await act(ask)
