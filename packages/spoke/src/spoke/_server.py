"""The HTTPS server of a process: health for probes, figures for Prometheus. Speaks as much HTTP as those do."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from aioclustermanager import kubernetes
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import _debug, _files, _gate
from ._certificates import utc_now
from ._gate import Gate

_log = logging.getLogger(__name__)
SERVING = Path('/var/run/secrets/serving-cert')
_PATIENCE_S = 20.0  # for a request with its answer
_SOON_S = 1.0  # to hear at the start whose client certificates count
_LOOK_S = 5.0  # for another serving certificate
_ASK_S = 300.0  # for other authorities of clients
_MOST_BYTES = 16384
_MOST_CONNECTIONS = 100
_REASONS = {200: 'OK', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
            405: 'Method Not Allowed', 500: 'Internal Server Error'}  # fmt: skip

Check = Callable[[], str]  # '' for healthy, else the reason


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    kind: str = 'text/plain; charset=utf-8'


def health(
    checks: Mapping[str, Check], query: Mapping[str, list[str]], path: str, waiting: Iterable[str] = ()
) -> Answer:
    """Return what /healthz says: 200 `ok`, or 500 with a line for each check. Computes only.

    waiting: for what the agent waits, which makes nobody unhealthy; the whole text is in its log and `spoke status`.
    """
    excluded = {name for text in query.get('exclude', ()) for name in text.split(',')}
    lines, failed = [], []
    for name, check in checks.items():
        if name in excluded:
            lines.append(f'[+]{name} excluded: ok')
        elif check():
            failed.append(name)
            lines.append(f'[-]{name} failed: reason withheld')
        else:
            lines.append(f'[+]{name} ok')
    lines += [f'[?]{about} is waited for' for about in waiting]
    if failed:
        return Answer(500, '\n'.join([*lines, f'{path.strip("/")} check failed', '']))
    return Answer(200, '\n'.join([*lines, f'{path.strip("/")} check passed', '']) if 'verbose' in query else 'ok')


class Server:
    """`async with server:` listens; leaving closes every connection."""

    def __init__(
        self,
        listen: str,
        checks: Mapping[str, Check],
        metrics: Callable[[], str],
        gate: Gate,
        pair: tuple[Path, Path] | None = None,
        waiting: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._waiting = waiting
        self.listen, self._checks, self._metrics, self._gate = listen, dict(checks), metrics, gate
        self._pair = pair or (SERVING / 'tls.crt', SERVING / 'tls.key')
        self._loaded = b''
        self._authorities = ''  # PEM, of client certificates
        self._fault = ''  # why they cannot be known
        self._asked_at = float('-inf')  # when it was last known that they are these
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._port = 0  # that was given where 0 was asked for
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server else 0

    async def __aenter__(self) -> Server:
        """Raises OSError when the address cannot be had."""
        with kubernetes.deadline(_SOON_S):  # health is for a management cluster that is away, too
            await self._ask_authorities()
        await self._begin()
        self._watching = asyncio.ensure_future(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching:
            self._watching.cancel()
        await self._end()
        for task in list(self._connections):
            task.cancel()
        waited = [*self._connections, *([self._watching] if self._watching else [])]
        await asyncio.gather(*waited, return_exceptions=True)

    async def _begin(self) -> None:
        host, _, port = self.listen.rpartition(':')
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = b''
        self._load(self._context)
        if self._authorities:
            _gate.trust(self._context, self._authorities)
        self._server = await asyncio.start_server(
            self._connected, host.strip('[]') or None, int(port) or self._port, ssl=self._context, limit=_MOST_BYTES
        )
        self._port = self.port

    async def _end(self) -> None:
        if self._server:
            await asyncio.sleep(0.001)  # until 3.13 a socket half accepted when the server is closed stays open
            self._server.close()

    # whose certificates count

    async def _ask_authorities(self) -> bool:
        """Take in whose client certificates count; returns whether they are others than before."""
        try:
            found = await self._gate.authorities()
            if found:
                _gate.trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), found)  # before it replaces what works
        except (kubernetes.Error, ssl.SSLError, ValueError) as error:
            if str(error) != self._fault:
                _log.info('whose client certificates count is not known yet: %s', error)
            self._fault = str(error)
            return False
        self._fault = ''
        self._asked_at = asyncio.get_running_loop().time()
        before, self._authorities = self._authorities, found
        return found != before

    async def _watch(self) -> None:
        """Follow the serving certificate and the authorities of clients."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                self._load(self._context)
            except OSError as error:
                _log.warning('%s', error)
            is_due = asyncio.get_running_loop().time() - self._asked_at >= _ASK_S
            if (is_due and await self._ask_authorities()) or not self._is_listening():
                await self._again()

    def _is_listening(self) -> bool:
        return bool(self._server and self._server.is_serving())

    async def _again(self) -> None:
        """Listen with other authorities: a context of OpenSSL forgets none."""
        await self._end()
        try:
            await self._begin()
        except OSError as error:
            _log.warning('cannot listen on %s again yet: %s', self.listen, error)

    # the certificate

    def _load(self, context: ssl.SSLContext) -> None:
        content = _files.read(self._pair[0])
        if content and _files.read(self._pair[1]):
            if content != self._loaded:
                try:
                    context.load_cert_chain(*self._pair)
                except OSError as error:  # also ssl.SSLError
                    raise OSError(f'the serving certificate in {self._pair[0]} cannot be used: {error}') from error
                self._loaded = content
        elif not self._loaded:
            _load_memory(context, _self_signed())
            self._loaded = b'-'

    # requests

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._connections.add(task)
        timer = asyncio.get_running_loop().call_later(_PATIENCE_S, writer.transport.abort)
        try:
            if len(self._connections) <= _MOST_CONNECTIONS:
                await self._exchange(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a probe that went away
        except asyncio.CancelledError:
            pass  # the server ends; asyncio would log it otherwise
        finally:
            timer.cancel()
            if task:
                self._connections.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b'\r\n\r\n')
        line, *fields = head.decode('latin-1').split('\r\n')
        headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(':') for field in fields)}
        words = line.split(' ')
        if len(words) != 3:
            answer = Answer(400, 'bad request\n')
        elif words[0] not in ('GET', 'HEAD'):
            answer = Answer(405, 'only GET and HEAD\n')
        else:
            user = _gate.of_certificate(writer.get_extra_info('peercert'))
            try:
                target = urlsplit(words[1])
            except ValueError:
                answer = Answer(400, 'bad request\n')
            else:
                answer = await self._answer(target, headers.get('authorization', ''), user)
        body = answer.text.encode()
        writer.write(
            f'HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\nContent-Type: {answer.kind}\r\n'
            f'X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n'.encode()
            + (b'' if words[0] == 'HEAD' else body)
        )
        await writer.drain()
        if not writer.is_closing():  # after a second close() abort() fails, in Debian 12's Python for one (3.11.2)
            writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()

    async def _answer(self, target: SplitResult, authorization: str, user: _gate.User | None) -> Answer:
        path, query = target.path.rstrip('/') or '/', parse_qs(target.query, keep_blank_values=True)
        always: dict[str, Check] = {'ping': _fine, 'log': _fine}
        if path == '/healthz':
            return health({**always, **self._checks}, query, path, self._waiting())
        if path in ('/livez', '/readyz'):
            return health(always, query, path)
        try:
            status = await self._gate.status(authorization, user, path)
        except kubernetes.Error as error:
            return Answer(500, f'cannot ask the management cluster who you are: {error}\n')
        if status != 200:
            return Answer(status, f'{_REASONS[status]}\n')
        return self._private(path, {**always, **self._checks})

    def _private(self, path: str, checks: Mapping[str, Check]) -> Answer:
        if path == '/metrics':
            return Answer(200, self._metrics(), 'text/plain; version=0.0.4; charset=utf-8')
        if path.startswith('/healthz/') and path[9:] in checks:
            reason = checks[path[9:]]()
            return Answer(500, f'internal server error: {reason}\n') if reason else Answer(200, 'ok')
        if path == '/version':
            return Answer(200, _debug.version(), 'application/json')
        shown = _debug.page(path)
        return Answer(404, 'not found\n') if shown is None else Answer(200, shown)


def _fine() -> str:
    return ''


def _self_signed() -> tuple[bytes, bytes]:
    """Return a certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'localhost')])
    now = utc_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName('localhost')]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    return made.public_bytes(encoding), private


def _load_memory(context: ssl.SSLContext, pair: tuple[bytes, bytes]) -> None:
    """Load a pair that is on no disk: OpenSSL wants a file, memory can be one."""
    descriptor = os.memfd_create('serving', os.MFD_CLOEXEC)
    with os.fdopen(descriptor, 'wb') as file:
        file.write(b''.join(pair))
        file.flush()
        context.load_cert_chain(f'/proc/self/fd/{descriptor}')
