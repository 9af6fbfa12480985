"""The certificate under which the registry of the model answers for public ones. Its authority signs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from juju_local._real_store._workshop import Workshop

DAYS = 3650
REQUEST = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {alternatives}
"""


def write(workshop: Workshop, hosts: Sequence[str], folder: Path) -> None:
    """Write ca.pem, server.pem and server.key; the authority's own key is thrown away."""
    folder.mkdir(mode=0o700)
    request = folder / 'request.cnf'
    alternatives = ', '.join(f'DNS:{name}' for name in hosts)
    request.write_text(REQUEST.format(name='registries of juju-local', alternatives=alternatives))
    for name in ('ca', 'server'):
        (folder / f'{name}.key').touch(mode=0o600)
        _openssl(workshop, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', folder / f'{name}.key')
    _openssl(
        workshop, 'req', '-x509', '-new', '-sha256', '-days', str(DAYS), '-key', folder / 'ca.key', '-config', request,
        '-extensions', 'authority', '-out', folder / 'ca.pem',
    )  # fmt: skip
    signing_request = folder / 'server.csr'
    _openssl(workshop, 'req', '-new', '-key', folder / 'server.key', '-config', request, '-out', signing_request)
    _openssl(
        workshop, 'x509', '-req', '-sha256', '-days', str(DAYS), '-in', signing_request, '-CA', folder / 'ca.pem',
        '-CAkey', folder / 'ca.key', '-CAcreateserial', '-extfile', request, '-extensions', 'server',
        '-out', folder / 'server.pem',
    )  # fmt: skip
    for path in (folder / 'ca.key', signing_request, request, *folder.glob('*.srl')):
        path.unlink()


def write_fake(workshop: Workshop, folder: Path) -> None:
    """Write fake.pem and fake.key, for TLS where nobody has given a certificate; everybody may read both."""
    folder.mkdir(parents=True)
    subject = '/O=Acme Co/CN=Kubernetes Ingress Controller Fake Certificate'
    _openssl(
        workshop, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-sha256',
        '-days', str(DAYS), '-subj', subject, '-keyout', folder / 'fake.key', '-out', folder / 'fake.pem',
    )  # fmt: skip
    (folder / 'fake.key').chmod(0o644)


def _openssl(workshop: Workshop, *arguments: str | Path) -> None:
    workshop.run('openssl', ['openssl', *arguments])
