"""One connection that speaks HTTP/2 (RFC 9113): many requests at once, each an exchange of its own.

The frames are h2's; here is who waits for what. A stream that nobody reads holds up itself only: its window is given
back as it is read, the connection's at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, ConnectionState, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import NoSuchStreamError, ProtocolError
from h2.settings import SettingCodes, Settings

from ._connection import broken_off, keep_alive
from ._errors import ConnectionFailed, Error
from ._exchange import HIGH_WATER, Exchange
from ._messages import Request

_MOST_STREAMS = 100  # at once; a server may allow less
_MOST_REQUESTS = 2**30  # on one connection: there are no more stream numbers
_OWED = 32 * 1024  # bytes that are taken before the server is told: not a frame for each line of a watch
_PONG_S = 5.0  # a server that says nothing at all for so long, being asked, is gone

logging.getLogger('hpack').setLevel(logging.INFO)  # of what it logs beyond, each header is one: tokens

_ENDED = contextlib.suppress(NoSuchStreamError)  # by what has arrived already and is about to be looked at


class _Machine(H2ConnectionStateMachine):
    """h2's ends with the first GOAWAY; a server that shuts down says so and finishes its answers (RFC 9113, 6.8)."""

    _transitions = H2ConnectionStateMachine._transitions | {
        (ConnectionState.CLIENT_OPEN, ConnectionInputs.RECV_GOAWAY): (None, ConnectionState.CLIENT_OPEN)
    }


class _Frames(H2Connection):
    MAX_CLOSED_STREAMS = 256  # that are remembered, for frames that come late: connections live for weeks

    def __init__(self) -> None:
        super().__init__(H2Configuration(client_side=True, header_encoding=None, validate_outbound_headers=False))
        self.state_machine = _Machine()
        self.local_settings = Settings(
            client=True, initial_values={SettingCodes.ENABLE_PUSH: 0, SettingCodes.INITIAL_WINDOW_SIZE: HIGH_WATER}
        )
        self.max_inbound_frame_size = self.local_settings.max_frame_size


@dataclass
class _Arrived:
    """See `_exchange.Answer`."""

    status: int = 0
    head: bytes = b''
    pieces: list[bytes] = field(default_factory=list)
    complete: bool = False


class Stream(Exchange):
    """One request on a connection that carries others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: Multiplexed) -> None:
        super().__init__(loop)
        self.answer = _Arrived()
        self.connection = connection
        self.number = 0  # 0 before it is sent
        self.unsent = b''  # of the request's body: what the server's window did not let through yet
        self._sent_at = 0.0
        self._owed = 0

    def send(self, request: Request, until: float, *, whole: bool) -> asyncio.Future[None]:
        waiter = self._begin(until, whole=whole)
        self._sent_at = self._loop.time()
        if self.connection.is_open:
            self.connection.begin(self, request)
        else:
            self._fail(ConnectionFailed('the connection was closed', sent=False))
        return waiter

    def abort(self) -> None:
        self._stop_timer()
        self.connection.end(self)

    def received(self, data: bytes, size: int) -> None:
        """Take a piece of the body; `size` is what it took of the window."""
        self._owed += size - len(data)
        self.answer.pieces.append(data)
        self._arrived(len(data))
        if self._whole:
            self._taken(len(data))

    def heard(self) -> None:
        """Tell who waits that the head, or the end, is there."""
        self._arrived(0)

    def failed(self, error: Error) -> None:
        """Tell who waits, or will, that no more comes."""
        if not self.answer.complete and not self._error:
            self._fail(error)

    def _taken(self, size: int) -> None:
        self._owed += size
        if self._owed >= _OWED and not self.answer.complete:
            self.connection.give_back(self.number, self._owed)
            self._owed = 0

    def _expire(self) -> None:
        self.connection.doubt(self._sent_at)
        super()._expire()


class Multiplexed(asyncio.Protocol):
    """Made by the pool. `lost`: it is gone; `draining`: it takes no further request and ends with its last."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.closed: asyncio.Future[None] = loop.create_future()
        self.lost = self.draining = False
        self.idle_since = loop.time()
        self.streams: dict[Stream, None] = {}  # handed out, sent or not; who came first hears first of an end
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._frames = _Frames()
        self._by_number: dict[int, Stream] = {}
        self._owed = 0
        self._heard_at = 0.0
        self._question: asyncio.TimerHandle | None = None  # whether the server is still there

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self.lost

    @property
    def has_room(self) -> bool:
        """Whether another request may go out here now."""
        most = min(_MOST_STREAMS, self._frames.remote_settings.max_concurrent_streams)
        return self.is_open and not self.draining and not self._question and len(self.streams) < most

    def stream(self) -> Stream:
        """Return a further exchange; give it back with `end`."""
        made = Stream(self._loop, self)
        self.streams[made] = None
        return made

    def begin(self, stream: Stream, request: Request) -> None:
        """Send a request."""
        number = self._frames.get_next_available_stream_id()
        self.draining = self.draining or number >= _MOST_REQUESTS
        try:
            self._frames.send_headers(number, request.http2('https'), end_stream=not request.body)
        except ProtocolError as error:  # the server has just allowed fewer at once
            stream.failed(ConnectionFailed(f'the request could not be sent: {error}', sent=False))
            return
        stream.number = number
        self._by_number[number] = stream
        if request.body:
            stream.unsent = request.body
            self._send_body(stream)
        self._flush()

    def end(self, stream: Stream) -> None:
        """Take an exchange back; one whose answer is not whole, or not asked for to its end, is called off."""
        self.streams.pop(stream, None)
        self.idle_since = self._loop.time()
        if self._by_number.pop(stream.number, None) and self.is_open:
            with _ENDED:
                self._frames.reset_stream(stream.number, ErrorCodes.CANCEL)
            self._flush()

    def give_back(self, number: int, size: int) -> None:
        """Let the server send so many bytes more on a stream."""
        if number in self._by_number and self.is_open:
            with _ENDED:
                self._frames.increment_flow_control_window(size, number)
            self._flush()

    def doubt(self, since: float) -> None:
        """Ask whether the server is there, if it has said nothing since; until it answers, nothing goes out here."""
        if self._heard_at < since and self.is_open and not self._question:
            self._frames.ping(b'are you?')
            self._flush()
            self._question = self._loop.call_later(_PONG_S, self._no_answer)

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.lost = True
        self._stop_asking()
        if self._transport:
            self._transport.abort()
        elif not self.closed.done():
            self.closed.set_result(None)

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast('asyncio.Transport', transport)
        keep_alive(transport.get_extra_info('socket'))
        self._frames.initiate_connection()
        self._frames.increment_flow_control_window(_MOST_STREAMS * HIGH_WATER)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._stop_asking()
        try:
            for event in self._frames.receive_data(data):
                self._take(event)
        except ProtocolError as error:
            self._flush()
            self._fail_all(ConnectionFailed(f'the server does not speak HTTP/2: {error}', sent=True))
            self.abort()
            return
        if self._owed >= _OWED:
            self._frames.increment_flow_control_window(self._owed)
            self._owed = 0
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self._transport = None
        self._stop_asking()
        self._fail_all(broken_off(exc))
        if not self.closed.done():
            self.closed.set_result(None)

    # what the server says

    def _take(self, event: Event) -> None:
        if isinstance(event, DataReceived):
            self._owed += event.flow_controlled_length
            if stream := self._by_number.get(event.stream_id):
                stream.received(event.data, event.flow_controlled_length)
        elif isinstance(event, ResponseReceived):
            if stream := self._by_number.get(event.stream_id):
                _begin_answer(stream, event.headers)
        elif isinstance(event, StreamEnded):
            self._complete(event.stream_id)
        elif isinstance(event, StreamReset):
            self._reset(event)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            for stream in [each for each in self._by_number.values() if each.unsent]:
                with _ENDED:
                    self._send_body(stream)
        elif isinstance(event, ConnectionTerminated):
            self._go_away(event)

    def _complete(self, number: int) -> None:
        if stream := self._by_number.pop(number, None):
            if stream.unsent:  # the server does not want to know the rest
                with _ENDED:
                    self._frames.reset_stream(number, ErrorCodes.NO_ERROR)
            stream.answer.complete = True
            stream.heard()

    def _reset(self, event: StreamReset) -> None:
        if stream := self._by_number.pop(event.stream_id, None):
            why = f'the server broke the answer off ({_name(event.error_code)})'
            stream.failed(ConnectionFailed(why, sent=event.error_code != ErrorCodes.REFUSED_STREAM))

    def _go_away(self, event: ConnectionTerminated) -> None:
        self.draining = True
        last = event.last_stream_id or 0
        for number, stream in [each for each in self._by_number.items() if each[0] > last]:
            del self._by_number[number]
            stream.failed(ConnectionFailed('the server takes no further requests here', sent=False))

    # what is said to it

    def _send_body(self, stream: Stream) -> None:
        while stream.unsent:
            room = min(self._frames.local_flow_control_window(stream.number), self._frames.max_outbound_frame_size)
            if room <= 0:
                return
            piece, stream.unsent = stream.unsent[:room], stream.unsent[room:]
            self._frames.send_data(stream.number, piece, end_stream=not stream.unsent)

    def _flush(self) -> None:
        if (data := self._frames.data_to_send()) and self._transport:
            self._transport.write(data)

    def _no_answer(self) -> None:
        self._question = None
        self._fail_all(ConnectionFailed(f'the server has said nothing, being asked, for {_PONG_S:g} s', sent=True))
        self.abort()

    def _stop_asking(self) -> None:
        if self._question:
            self._question.cancel()
            self._question = None

    def _fail_all(self, error: ConnectionFailed) -> None:
        self._by_number.clear()
        for stream in list(self.streams):
            again = ConnectionFailed(str(error), sent=stream.number > 0)
            again.__cause__ = error.__cause__
            stream.failed(again)


def _begin_answer(stream: Stream, fields: list[tuple[bytes, bytes]]) -> None:
    status = fields[0][1]
    lines = [b'HTTP/2 ' + status, *(b'%b: %b' % field for field in fields[1:])]
    stream.answer.status, stream.answer.head = int(status), b'\r\n'.join(lines)
    stream.heard()


def _name(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)
