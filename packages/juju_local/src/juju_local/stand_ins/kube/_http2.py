"""HTTP/2 for the handlers of an aiohttp server: one connection, each of its streams a request with a task of its own.

The TLS handshake chooses (ALPN): a connection that did not ask for `h2` is aiohttp's own affair. What the server tells
its clients are kube-apiserver's figures. Left out: trailers, and what a client that says GOAWAY still waits for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion, RawRequestMessage
from aiohttp.log import server_logger
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from h2 import config, connection, errors, events, exceptions, settings
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

_STREAM_WINDOW = 256 * 1024  # 99 % of all objects are smaller; the connection's window has room for all streams at once
_HEADERS = 2**20 + 320  # of one request, in bytes
_TURN = 64 * 1024  # what one stream sends before the next one may
_HELD = 64 * 1024  # what an answer may be ahead of its client before its handler waits
_OF_CONNECTIONS = {'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'}


class Negotiated(asyncio.Protocol):
    """A new connection: becomes one of HTTP/2, kept in `open_ones`, or of aiohttp's, as the handshake has it."""

    def __init__(self, server: web.Server, streams: int, open_ones: set[Connection]) -> None:
        self._server, self._streams, self._open = server, streams, open_ones

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        tls = transport.get_extra_info('ssl_object')
        is_http2 = tls.selected_alpn_protocol() == 'h2'
        chosen = Connection(self._server, self._streams, self._open) if is_http2 else self._server()
        transport.set_protocol(chosen)
        chosen.connection_made(transport)


class _Frames(connection.H2Connection):
    """The state of one connection. Of the streams that are closed it remembers those that a frame may still be for."""

    MAX_CLOSED_STREAMS = 1000

    def __init__(self, streams: int) -> None:
        super().__init__(_CONFIG)
        codes = settings.SettingCodes
        given = {
            codes.MAX_CONCURRENT_STREAMS: streams,
            codes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
            codes.MAX_FRAME_SIZE: _STREAM_WINDOW,
            codes.MAX_HEADER_LIST_SIZE: _HEADERS,
        }
        self.local_settings = settings.Settings(client=False, initial_values=given)
        self.max_inbound_frame_size = _STREAM_WINDOW
        self.decoder.max_header_list_size = _HEADERS
        self.initiate_connection()
        self.local_settings[codes.MAX_CONCURRENT_STREAMS] = 2**31 - 1  # h2 ends the connection of who asks for too much
        self.local_settings.acknowledge()
        self.increment_flow_control_window(streams * _STREAM_WINDOW - self.inbound_flow_control_window)


_CONFIG = config.H2Configuration(
    client_side=False, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
)


class Connection(asyncio.Protocol):
    """Reads frames, gives them to their streams, and lets these send by turns as far as windows and socket allow."""

    def __init__(self, server: web.Server, streams: int, open_ones: set[Connection]) -> None:
        self.server = server
        self.frames = _Frames(streams)
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self.ssl_context: ssl.SSLContext | None = None  # these three: what a request asks its connection for
        self.peername: object = None
        self.sockname: object = None
        self._open, self._limit = open_ones, streams
        self._streams: dict[int, Stream] = {}
        self._ready: dict[Stream, None] = {}  # they have something to send, and leave to
        self._paused = self._waking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.ssl_context = transport.get_extra_info('sslcontext')
        self.peername, self.sockname = (transport.get_extra_info(name) for name in ('peername', 'sockname'))
        self._open.add(self)
        self.wake()

    def data_received(self, data: bytes) -> None:
        try:
            for event in self.frames.receive_data(data):
                if handle := _EVENTS.get(type(event)):
                    handle(self, event)
        except exceptions.ProtocolError:
            self.end()
        else:
            self.wake()

    def end(self, *_: object) -> None:
        """Say GOAWAY and why, as far as the client can still be told, and close the connection."""
        self._give_up()
        if self.frames.state_machine.state is not connection.ConnectionState.CLOSED:
            self.frames.close_connection()
        self.transport.write(self.frames.data_to_send())
        self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._open.discard(self)
        self._give_up()

    def _give_up(self) -> None:
        for stream in list(self._streams.values()):
            stream.close()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.wake()

    def wake(self, stream: Stream | None = None) -> None:
        """Send what there is at the end of this turn of the loop, so that many small events make one write."""
        if stream:
            self._ready[stream] = None
        if not self._waking:
            self._waking = True
            self.loop.call_soon(self._send)

    def _send(self) -> None:
        self._waking = False
        if self.transport.is_closing():
            return
        while self._ready and not self._paused:
            ready, self._ready = self._ready, {}
            self._ready.update(dict.fromkeys(stream for stream in ready if stream.send()))
            self.transport.write(self.frames.data_to_send())
        if left := self.frames.data_to_send():
            self.transport.write(left)

    def forget(self, stream: Stream) -> None:
        """Let go of a stream that is over; what it held of the connection's window is free again."""
        self._streams.pop(stream.number, None)
        self._ready.pop(stream, None)
        self.frames.acknowledge_received_data(stream.received_bytes, stream.number)
        stream.received_bytes = 0

    def _request(self, event: events.RequestReceived) -> None:
        if len(self._streams) >= self._limit:
            self.frames.reset_stream(event.stream_id, errors.ErrorCodes.PROTOCOL_ERROR)
            return
        stream = self._streams[event.stream_id] = Stream(self, event.stream_id, bool(event.stream_ended))
        stream.start(event.headers)

    def _data(self, event: events.DataReceived) -> None:
        if stream := self._streams.get(event.stream_id):
            stream.received(event.data, event.flow_controlled_length)
        else:
            self.frames.acknowledge_received_data(event.flow_controlled_length, event.stream_id)

    def _ended(self, event: events.StreamEnded) -> None:
        if stream := self._streams.get(event.stream_id):
            stream.received_all()

    def _reset(self, event: events.StreamReset) -> None:
        if stream := self._streams.get(event.stream_id):
            stream.close()

    def _window(self, event: events.WindowUpdated | events.RemoteSettingsChanged) -> None:
        if one := getattr(event, 'stream_id', 0):
            self._ready |= {stream: None for stream in [self._streams.get(one)] if stream}
        else:
            self._ready |= dict.fromkeys(self._streams.values())


_EVENTS: dict[type[events.Event], Callable[[Connection, Any], None]] = {
    events.RequestReceived: Connection._request,
    events.DataReceived: Connection._data,
    events.StreamEnded: Connection._ended,
    events.StreamReset: Connection._reset,
    events.WindowUpdated: Connection._window,
    events.RemoteSettingsChanged: Connection._window,
    events.ConnectionTerminated: Connection.end,
}


class Stream(AbstractStreamWriter):
    """One request and its answer: what aiohttp's response writes to, and what the request's body is read through."""

    def __init__(self, around: Connection, number: int, is_whole: bool) -> None:
        self.number = number
        self._connection, self._frames = around, around.frames
        self._body = EMPTY_PAYLOAD if is_whole else StreamReader(cast(Any, self), _STREAM_WINDOW, loop=around.loop)
        self.received_bytes = 0  # of the body, for which the client was not yet given new room
        self._is_reading = self.connected = True
        self._begun = self._ended = False
        self._pending = bytearray()
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._task = self._connection.loop.create_task(self._answer(headers))
        self._task.add_done_callback(self._answered)

    async def _answer(self, headers: list[tuple[bytes, bytes]]) -> None:
        server, around, task = self._connection.server, cast(Any, self._connection), cast(Any, self._task)
        request = cast(web.Request, server.request_factory(_message(headers), self._body, around, self, task))
        try:
            response = await server.request_handler(request)
        except web.HTTPException as refusal:
            response = refusal
        await response.prepare(request)
        await response.write_eof()

    def _answered(self, task: asyncio.Task[None]) -> None:
        """See to it that the stream ends also when its handler failed."""
        error = None if task.cancelled() else task.exception()
        if error and self.connected and not self._begun:
            self._begin([(':status', '500')])
            self._ended = True
            self._connection.wake(self)
        elif self.connected and not self._ended:
            self.reset(errors.ErrorCodes.INTERNAL_ERROR if error else errors.ErrorCodes.CANCEL)
        if error and not isinstance(error, ConnectionError):
            server_logger.error('Error handling a request', exc_info=error)

    def reset(self, code: errors.ErrorCodes) -> None:
        self._frames.reset_stream(self.number, code)
        self.close()
        self._connection.wake()

    def close(self) -> None:
        """Let the stream be over, and its handler know if that is still at it."""
        self._connection.forget(self)
        self.connected = False
        if self._task:
            self._task.cancel()

    # What comes from the client.

    def received(self, data: bytes, size: int) -> None:
        self.received_bytes += size
        self._body.feed_data(data)
        self._give_room()

    def received_all(self) -> None:
        if self._body is not EMPTY_PAYLOAD:
            self._body.feed_eof()

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: ARG002  (aiohttp's, of HTTP/1.1)
        self._is_reading = True
        self._give_room()

    def _give_room(self) -> None:
        if self._is_reading and self.received_bytes and self.connected:
            self._frames.acknowledge_received_data(self.received_bytes, self.number)
            self.received_bytes = 0
            self._connection.wake()

    # What goes to it.

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        self._check()
        fields = [(':status', status_line.split(' ')[1])]
        fields += [(low, value) for name, value in headers.items() if (low := name.lower()) not in _OF_CONNECTIONS]
        self._begin(fields)

    def _begin(self, fields: list[tuple[str, str]]) -> None:
        self._frames.send_headers(self.number, fields)
        self._begun = True

    def send_headers(self) -> None:
        self._connection.wake()

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._check()
        self._pending += chunk
        self._connection.wake(self)
        await self.drain()

    async def drain(self) -> None:
        if len(self._pending) > _HELD:
            self._room = self._connection.loop.create_future()
            await self._room

    async def write_eof(self, chunk: bytes = b'') -> None:
        self._check()
        self._pending += chunk
        self._ended = True
        self._connection.wake(self)

    def enable_chunking(self) -> None:
        """Nothing to do: a stream's end is marked."""

    def enable_compression(self, encoding: str = 'deflate', strategy: int | None = None) -> None:
        raise NotImplementedError('answers over HTTP/2 are not compressed')

    def _check(self) -> None:
        if not self.connected:
            raise ConnectionResetError('the client has given up this request')

    def send(self) -> bool:
        """Make frames of what waits, for one turn; returns whether the stream can go on at once."""
        if not self._begun:
            return False
        turn = _TURN
        while self.connected and turn > 0 and self._send_frame():
            turn -= self._frames.max_outbound_frame_size
        if self._room and not self._room.done() and len(self._pending) <= _HELD:
            self._room.set_result(None)
        return self.connected and turn <= 0

    def _send_frame(self) -> bool:
        window = self._frames.local_flow_control_window(self.number)
        size = min(len(self._pending), window, self._frames.max_outbound_frame_size)
        is_last = self._ended and size == len(self._pending)
        if size <= 0 and not is_last:
            return False
        self._frames.send_data(self.number, bytes(self._pending[:size]), end_stream=is_last)
        del self._pending[:size]
        if is_last:
            self._finish()
        return True

    def _finish(self) -> None:
        """End the stream; what the client still sends of a body that nobody reads, it may keep."""
        if not self._body.is_eof():
            self._frames.reset_stream(self.number, errors.ErrorCodes.NO_ERROR)
        self._connection.forget(self)
        self.connected = False


def _message(headers: list[tuple[bytes, bytes]]) -> RawRequestMessage:
    """Return the head of a request as aiohttp's own parser would."""
    decoded = [(name.decode('ascii'), value.decode('utf-8', 'surrogateescape')) for name, value in headers]
    pseudo = dict(field for field in decoded if field[0].startswith(':'))
    fields = CIMultiDict(field for field in decoded if not field[0].startswith(':'))
    fields.setdefault('Host', pseudo.get(':authority', ''))
    target = pseudo.get(':path', '')
    path, _, query = target.partition('?')
    url = URL.build(path=path, query_string=query, encoded=True)
    raw = tuple((bytes(name), bytes(value)) for name, value in headers if not name.startswith(b':'))
    return RawRequestMessage(
        pseudo[':method'], target, HttpVersion(2, 0), CIMultiDictProxy(fields), raw, False, None, False, False, url
    )
