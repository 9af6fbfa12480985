"""What all simulated lives begin with: objects of a hub and a spoke, and a machine whose clock and chance are ours."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import random
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest import mock

from aioclustermanager._http import _tls
from aioclustermanager.kubernetes import Client, ClientCertificate, Configuration, Tls, bearer, resources
from cryptography import x509
from juju_local.stand_ins.kube import _faults as _ordered_faults
from juju_local.stand_ins.kube import _lists, _times
from spoke import _certificates, _files, _hub_standin
from spoke._hub_standin import _definitions, _hub, _rights
from spoke._hub_standin._signer import Signer

from tests.unit.spoke.simulated import servers
from tests.unit.spoke.simulated.loop import PROCESS, Loop

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
NAMESPACE = 'agents'
_real_context = _tls.context


@dataclass(frozen=True)
class Base:
    """What all runs begin with, made once: authorities, and the objects of a hub and a spoke."""

    signer: Signer
    tokens: Path
    hub: Any
    spoke: Any


@functools.lru_cache(maxsize=100)
def identity(tls: Tls) -> ssl.SSLContext:
    """Return the real context for what is in memory, and note in it who it is for: there is no handshake here."""
    made: Any = _real_context(tls)
    made.trusted, made.protocols = tls.ca, tls.protocols
    made.ends, made.getpeercert = None, lambda: None
    if tls.client:
        found = x509.load_pem_x509_certificate(tls.client.certificate)
        with _certificates.long_names():
            subject = tuple(((each.oid._name, each.value),) for each in found.subject)
        made.ends, made.getpeercert = found.not_valid_after_utc, lambda: {'subject': subject}
    return made  # type: ignore[no-any-return]


def context(tls: Tls) -> ssl.SSLContext:
    """Return a context: one for all that say the same, once their files are read."""
    client = tls.client
    try:
        ca = tls.ca or (Path(tls.ca_file).read_bytes() if tls.ca_file else b'')
        if client:
            certificate = client.certificate or Path(client.certificate_file).read_bytes()
            client = ClientCertificate(certificate, client.key or Path(client.key_file).read_bytes())
    except OSError:
        return _real_context(tls)  # which says what is wrong
    return identity(replace(tls, ca=ca, ca_file='', client=client))


@contextlib.contextmanager
def virtual(loop: Loop, seed: int) -> Iterator[None]:
    """Let servers and chance be the simulation's."""

    def now() -> datetime:
        return EPOCH + timedelta(seconds=loop.time())

    def write(folder: Path, name: str, content: bytes) -> bool:
        if process := PROCESS.get():
            is_first = not process.dead
            process.step()
            if process.dead:
                if is_first:  # it dies here, half way
                    with mock.patch.object(Path, 'replace', _died), contextlib.suppress(OSError):
                        real_write(folder, name, content[: len(content) // 2])
                raise OSError('dead')
        return real_write(folder, name, content)

    real_write, state = _files.write, random.getstate()
    random.seed(seed)
    with contextlib.ExitStack() as stack:
        for module, name, value in (
            (_times, 'timestamp', lambda: f'{now():%Y-%m-%dT%H:%M:%SZ}'),
            (_times, 'micro', lambda: f'{now():%Y-%m-%dT%H:%M:%S.%fZ}'),
            (_lists, 'time', mock.Mock(monotonic=loop.time, time=lambda: now().timestamp())),
            (_ordered_faults, 'obey', _nothing),
            (_tls, 'context', context),
            (_files, 'write', write),
            (os, 'fsync', lambda _: None),
        ):
            stack.enter_context(mock.patch.object(module, name, value))
        try:
            yield
        finally:
            random.setstate(state)


@contextlib.contextmanager
def collected() -> Iterator[None]:
    """Collect what the life before left, and nothing meanwhile: it would be closed at another moment each time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def frozen() -> Iterator[None]:
    """Let collections pass over what is there before, which is much, and nobody's garbage."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.collect()


def _died(*_: object) -> None:
    raise OSError('dead')


async def _nothing(_: str) -> None:
    return


def made_base(folder: Path, signer: Signer) -> Base:
    """Make the objects of a hub and of a spoke."""
    tokens = folder / 'tokens.csv'
    tokens.write_text(servers.TOKENS)
    loop = Loop()

    async def make() -> tuple[Any, Any]:
        saved = []
        for name in ('hub', 'spoke'):
            server = servers.Server(name, f'{name}.example', signer.pem, tokens)
            await server.rest.bootstrap()
            await server.start(loop)
            async with Client(configuration(server)) as client:
                if name == 'hub':
                    await _hub_standin.HubStandIn(client, signer).prepare()
                    for resource, body in _rights.bootstrap('spoke-bootstrap', 'bootstrap'):
                        await _hub.make(client, resource, body)
                else:
                    await _hub.install(client, _definitions.OF_SPOKE)
                    await _hub.make(client, resources.NAMESPACES, {'metadata': {'name': NAMESPACE}})
                    await _hub.make(client, resources.NODES, {'metadata': {'name': 'one'}})
            saved.append(server.storage.saved())
            await server.stop()
        return saved[0], saved[1]

    with virtual(loop, 0), contextlib.closing(loop):
        hub, spoke = loop.run_until_complete(make())
    return Base(signer, tokens, hub, spoke)


def configuration(server: servers.Server, token: str = servers.ADMIN, **more: Any) -> Configuration:
    return Configuration(server.url, tls=Tls(ca=server.ca), authentication=bearer(token), **more)
