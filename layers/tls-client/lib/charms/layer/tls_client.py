"""Certificates of this unit: asked of the authority, and written where the charm wants them.

Flags: `tls_client.ca.saved`, `tls_client.ca.written` (until the charm clears it), `tls_client.certs.saved`,
`tls_client.certs.changed` (until the charm clears it), and the same for `server.certs` and `client.certs`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from charmhelpers.core import hookenv, unitdata
from charms.layer import options
from charms.reactive import endpoint_from_flag, flags

REQUESTS = 'layer.tls-client.requests'
Requests = dict[str, dict[str, dict[str, Any]]]  # kind to common name to crt and key (paths) and sans
KINDS = ('ca', 'certs', 'server.certs', 'client.certs')
TRUSTED = Path('/usr/local/share/ca-certificates')


def request_server_cert(
    common_name: str, sans: Iterable[str] | None = None, crt_path: str | None = None, key_path: str | None = None
) -> None:
    """Ask for a server certificate, and have it written to `crt_path` (with its chain) and `key_path` when it comes.

    May be called in every hook: a request that was made is not made again. Without paths the layer's options tell
    where the files go.
    """
    names = sorted(set(sans or []))
    if _remember('server', common_name, names, crt_path, key_path):
        endpoint_from_flag('certificates.available').request_server_cert(common_name, names)


def request_client_cert(
    common_name: str, sans: Iterable[str] | None = None, crt_path: str | None = None, key_path: str | None = None
) -> None:
    """Ask for a client certificate as `request_server_cert` does for a server's; sans of None are sent as None."""
    names = None if sans is None else sorted(set(sans))
    if _remember('client', common_name, names, crt_path, key_path):
        endpoint_from_flag('certificates.available').request_client_cert(common_name, names)


def reset_certificate_write_flag(cert_type: str) -> None:
    """Have the certificates of a kind ('server' or 'client') reported as saved anew."""
    flags.clear_flag(f'tls_client.{cert_type}.certs.saved')


def save_ca(certificates: Any) -> None:
    """Write the authority's certificate, also where the machine's own programs look for it."""
    ca = _text(certificates.root_ca_cert)
    if not ca:
        return
    path = options.get('tls-client', 'ca_certificate_path')
    changed = bool(path) and write(Path(path), ca, 0o644)
    trusted = TRUSTED / f'{hookenv.application_name()}.crt'
    if write(trusted, ca, 0o644):
        changed = True
        _trust()
    flags.set_flag('tls_client.ca.saved')
    if changed:
        flags.set_flag('tls_client.ca.written')


def save_certs(certificates: Any) -> None:
    """Write every certificate that was asked for and has come; set the flags of kinds that are complete."""
    chain = _text(getattr(certificates, 'root_ca_chain', '') or '')
    requests: Requests = unitdata.kv().get(REQUESTS) or {}
    answers = {'server': certificates.server_certs, 'client': certificates.client_certs}
    complete = []
    for kind, wanted in requests.items():
        issued = {certificate.common_name: certificate for certificate in answers[kind]}
        changed = [name for name, paths in wanted.items() if name in issued and _save(issued[name], paths, chain)]
        if wanted and set(wanted) <= set(issued):
            complete.append(kind)
            flags.set_flag(f'tls_client.{kind}.certs.saved')
        if changed:
            flags.set_flag(f'tls_client.{kind}.certs.changed')
            flags.set_flag('tls_client.certs.changed')
    flags.toggle_flag('tls_client.certs.saved', bool(requests) and set(complete) == set(requests))


def is_due() -> bool:
    """Tell whether there may be something to write: something new came, or a file is missing."""
    if any(flags.is_flag_set(f'certificates.{kind}.changed') for kind in KINDS):
        return True
    requests: Requests = unitdata.kv().get(REQUESTS) or {}
    wanted = [path for named in requests.values() for paths in named.values() for path in _paths(paths)]
    saved = flags.is_flag_set('tls_client.certs.saved') and flags.is_flag_set('tls_client.ca.saved')
    return not saved or not all(Path(path).exists() for path in wanted)


def seen() -> None:
    """Clear what the interface set for news."""
    for kind in KINDS:
        flags.clear_flag(f'certificates.{kind}.changed')


def forget() -> None:
    """Drop the flags when the authority is gone; the files stay, what runs with them goes on."""
    for name in ('ca', 'certs', 'server.certs', 'client.certs'):
        flags.clear_flag(f'tls_client.{name}.saved')
    if unitdata.kv().get(REQUESTS):
        unitdata.kv().unset(REQUESTS)


def write(path: Path, text: str, mode: int) -> bool:
    """Write a file in one step, with its mode from the first byte; True when it held something else."""
    if path.exists() and path.read_text(encoding='utf-8') == text and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')  # 0600
    with os.fdopen(descriptor, 'w', encoding='utf-8') as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
        os.fchmod(stream.fileno(), mode)
    Path(temporary).replace(path)
    return True


def _save(certificate: Any, paths: dict[str, Any], chain: str) -> bool:
    parts: Sequence[tuple[str, str, int]] = (
        (paths.get('key', ''), _text(certificate.key), 0o600),
        (paths.get('crt', ''), _text(certificate.cert) + chain, 0o644),
    )
    written = [write(Path(path), text, mode) for path, text, mode in parts if path]
    return any(written)


def _remember(kind: str, common_name: str, sans: list[str] | None, crt_path: str | None, key_path: str | None) -> bool:
    """Keep what was asked for and where it goes, a name in an earlier one's place; return whether it is new."""
    store = unitdata.kv()
    requests: Requests = store.get(REQUESTS) or {}
    request: dict[str, Any] = {
        'crt': crt_path or options.get('tls-client', f'{kind}_certificate_path') or '',
        'key': key_path or options.get('tls-client', f'{kind}_key_path') or '',
        'sans': sans,
    }
    before = requests.get(kind, {})
    if before.get(common_name) == request:
        return False
    others = {name: other for name, other in before.items() if _paths(other) != _paths(request)}
    store.set(REQUESTS, {**requests, kind: {**others, common_name: request}})
    return True


def _paths(request: dict[str, Any]) -> list[str]:
    return [request[part] for part in ('crt', 'key') if request.get(part)]


def _text(pem: str) -> str:
    return pem.strip() + '\n' if pem and pem.strip() else ''


def _trust() -> None:
    try:
        done = subprocess.run(
            ['update-ca-certificates'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
    except FileNotFoundError:
        hookenv.log('update-ca-certificates is not there: the machine itself does not trust the authority', 'WARNING')
        return
    if done.returncode:
        hookenv.log(f'update-ca-certificates ended with {done.returncode}: {done.stderr.decode()[-300:]}', 'WARNING')
