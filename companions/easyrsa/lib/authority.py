"""A certificate authority made with the openssl command. Keys are 0600 from the first byte and on no command line."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import hooktools

DAYS = 3650
RENEW_BEFORE_S = 30 * 86400
NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9:._@ -]{0,63}')  # X.509 allows a common name 64 characters
DNS_NAME = re.compile(
    r'(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?'
)

EXTENSIONS: Mapping[str, str] = {
    'authority': 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign',
    'intermediate': 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign',
    'server': 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n'
    'extendedKeyUsage=serverAuth,clientAuth',
    'client': 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth',
}


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    cert: str
    key: str = field(repr=False)


class Authority:
    """The authority's files in one folder: ca.crt, ca.key and a file for each certificate issued."""

    def __init__(self, folder: Path, common_name: str) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / 'ca.json').exists():
            _keep(folder / 'ca.json', _issue('authority', common_name, [], None), '')
        self.pair = _kept(folder / 'ca.json')[0]

    def issue(self, kind: str, owner: str, common_name: str, sans: Iterable[str]) -> Pair:
        """Return the owner's certificate: the one it has, unless its subject names changed or it soon expires.

        Args:
            kind: server, client or intermediate.
            owner: whom it is for; owners never share a key.
        """
        names = subject_names([common_name, *sans] if kind == 'server' else sans)
        path = self._path(kind, owner, common_name)
        wanted = hashlib.sha256('\n'.join([*names, self.pair.cert]).encode()).hexdigest()
        if path.exists():
            pair, fingerprint, until = _kept(path)
            if fingerprint == wanted and until - time.time() > RENEW_BEFORE_S:
                return pair
        pair = _issue(kind, common_name, names, self.pair)
        _keep(path, pair, wanted)
        return pair

    def forget(self, owner: str) -> None:
        """Remove what was issued to an owner that is gone."""
        for path in self.folder.glob(f'{_digest(owner)}-*.json'):
            path.unlink()

    def _path(self, kind: str, owner: str, common_name: str) -> Path:
        return self.folder / f'{_digest(owner)}-{_digest(kind + " " + common_name)}.json'


def is_name(common_name: object) -> bool:
    """Return whether a text can be a common name (it becomes a line of openssl's configuration)."""
    return isinstance(common_name, str) and NAME.fullmatch(common_name) is not None


def subject_names(names: Iterable[object]) -> list[str]:
    """Return names as openssl writes them, sorted and each once; what is no address or host name is left out."""
    found = set()
    for name in names:
        try:
            found.add(f'IP:{ipaddress.ip_address(str(name))}')
        except ValueError:
            if isinstance(name, str) and len(name) < 254 and DNS_NAME.fullmatch(name):
                found.add(f'DNS:{name}')
    return sorted(found)


def _issue(kind: str, common_name: str, names: list[str], signer: Pair | None) -> Pair:
    """Make a key and a certificate in a folder of its own that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix='easyrsa-') as place:  # 0700
        folder = Path(place)
        hooktools.write(folder / 'cnf', _settings(kind, common_name, names, signer))
        make_key = ['openssl', 'genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
        key = hooktools.run(make_key)
        hooktools.write(folder / 'key', key)
        request = ['openssl', 'req', '-new', '-key', str(folder / 'key'), '-config', str(folder / 'cnf')]
        serial = ['-set_serial', '0x' + secrets.token_hex(16), '-days', str(DAYS)]
        if signer is None:
            return Pair(hooktools.run([*request, '-x509', '-extensions', 'v3', *serial]), key)
        hooktools.write(folder / 'ca.crt', signer.cert)
        hooktools.write(folder / 'ca.key', signer.key)
        hooktools.write(folder / 'csr', hooktools.run(request))
        sign = ['openssl', 'x509', '-req', '-in', str(folder / 'csr'), *serial]
        sign += ['-CA', str(folder / 'ca.crt'), '-CAkey', str(folder / 'ca.key')]
        return Pair(hooktools.run([*sign, '-extfile', str(folder / 'cnf'), '-extensions', 'v3']), key)


def _settings(kind: str, common_name: str, names: list[str], signer: Pair | None) -> str:
    lines = ['[req]', 'prompt=no', 'utf8=yes', 'distinguished_name=dn', '[dn]', f'CN={common_name}', '[v3]']
    lines += [EXTENSIONS[kind], 'subjectKeyIdentifier=hash']
    lines += ['authorityKeyIdentifier=keyid'] if signer else []
    lines += ['subjectAltName=' + ','.join(names)] if names else []
    return '\n'.join(lines) + '\n'


def _keep(path: Path, pair: Pair, fingerprint: str) -> None:
    kept = {**asdict(pair), 'fingerprint': fingerprint, 'until': time.time() + DAYS * 86400}
    hooktools.write(path, json.dumps(kept))


def _kept(path: Path) -> tuple[Pair, str, float]:
    kept = json.loads(path.read_text(encoding='utf-8'))
    return Pair(kept['cert'], kept['key']), kept['fingerprint'], kept['until']


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:24]
