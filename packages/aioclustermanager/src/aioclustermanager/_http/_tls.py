"""SSL contexts. OpenSSL wants client keys as files: keys from memory pass through one that nobody else can open."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ._errors import InvalidConfiguration


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate with its key: PEM in memory, or files. An empty key means that the certificate's holds it."""

    certificate: bytes = field(default=b'', repr=False)
    key: bytes = field(default=b'', repr=False)
    certificate_file: str = ''
    key_file: str = ''


@dataclass(frozen=True)
class Tls:
    """How to trust the server, and who we are. No authority given: those that this machine trusts."""

    ca: bytes = field(default=b'', repr=False)  # PEM
    ca_file: str = ''
    verify: bool = True
    server_name: str = ''  # what the server's certificate must say instead of the host we connect to
    client: ClientCertificate | None = None
    protocols: tuple[str, ...] = ()  # what the server may choose from (ALPN); none: HTTP/1.1


def context(tls: Tls) -> ssl.SSLContext:
    """Return a context. Raises InvalidConfiguration, naming the file or the part that cannot be used."""
    made = _trusting(tls)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.client:
        _load(made, tls.client)
    if tls.protocols:
        made.set_alpn_protocols(list(tls.protocols))
    return made


def _trusting(tls: Tls) -> ssl.SSLContext:
    if not tls.verify:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nobody's certificate counts, so none is read
    try:
        if tls.ca or tls.ca_file:
            made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            made.load_verify_locations(cafile=tls.ca_file or None, cadata=_ascii(tls.ca) or None)
            return made
        return ssl.create_default_context()
    except FileNotFoundError as error:
        raise InvalidConfiguration(f'cannot read the authorities in {tls.ca_file}: no such file') from error
    except (ssl.SSLError, OSError, ValueError) as error:
        where = tls.ca_file or 'the authorities given'
        raise InvalidConfiguration(f'{where}: not certificates in PEM ({_reason(error)})') from error


def _ascii(pem: bytes) -> str:
    return pem.decode('ascii') if pem else ''


def _load(made: ssl.SSLContext, client: ClientCertificate) -> None:
    with contextlib.ExitStack() as stack:
        certificate, key = client.certificate_file, client.key_file
        if client.certificate:
            certificate = stack.enter_context(_as_file(client.certificate))
        if client.key:
            key = stack.enter_context(_as_file(client.key))
        where = client.certificate_file or 'the client certificate given'
        try:
            # An encrypted key has no one to ask for its passphrase: '' makes OpenSSL fail instead of prompting.
            made.load_cert_chain(certificate, key or None, password='')
        except FileNotFoundError as error:
            missing = next(name for name in (certificate, key) if name and not Path(name).exists())
            raise InvalidConfiguration(f'cannot read {missing}: no such file') from error
        except (ssl.SSLError, OSError, ValueError) as error:
            why = f'{where}: no certificate with its key, unencrypted, in PEM ({_reason(error)})'
            raise InvalidConfiguration(why) from error


def _reason(error: Exception) -> str:
    return getattr(error, 'reason', None) or getattr(error, 'strerror', None) or str(error) or type(error).__name__


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Yield a path where OpenSSL can read this once: memory where Linux offers it, else a file gone right after."""
    if hasattr(os, 'memfd_create'):
        descriptor = os.memfd_create('pem', os.MFD_CLOEXEC)
        path = f'/proc/self/fd/{descriptor}'
    else:
        descriptor, path = tempfile.mkstemp()  # 0600
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(content)
            file.flush()
            yield path
    finally:
        if not path.startswith('/proc/'):
            Path(path).unlink()
