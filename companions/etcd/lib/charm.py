"""etcd: one member behind TLS. The wire is that of the public charm."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import hooktools

SERVICE = 'etcd.service'
# the snap's own daemon cannot be told where to find certificates, so a unit of ours runs the snap's program
UNIT = """\
[Unit]
Description=etcd, run by the etcd charm
After=network-online.target

[Service]
Type=simple
EnvironmentFile=/etc/etcd/etcd.env
ExecStart=/snap/bin/etcd
Restart=always
RestartSec=2
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


def main(root: Path = Path('/')) -> None:
    """Bring the unit to what config and relations say, and tell where it stands."""
    if hooktools.hook() == 'stop':
        hooktools.run(['systemctl', 'disable', '--now', SERVICE])
        return
    member = _member()
    if member != hooktools.unit():
        hooktools.status('blocked', f'{member} is the only member this charm can run: remove this unit')
        return
    try:
        hooktools.status(*_converge(root))
    except hooktools.ToolFailed as error:
        if not str(error).startswith('snap '):
            raise
        hooktools.log(str(error), 'WARNING')  # a busy or unreachable snapd is tried again by the next hook
        hooktools.status('waiting', 'Waiting for snapd to install etcd, see the log')


def _member() -> str:
    """Return the unit that holds the data: the first leader there was, for leadership may move and data does not."""
    member = hooktools.leader_get().get('member', '')
    if not member and hooktools.is_leader():
        member = hooktools.unit()
        hooktools.leader_set(member=member)
    return member or hooktools.unit()


def _converge(root: Path) -> tuple[str, str]:
    config = hooktools.config()
    _install(root, str(config['channel']))
    relations = hooktools.relation_ids('certificates')
    if not relations:
        return 'blocked', 'Missing relation to certificate authority.'
    address = hooktools.address('db')
    _request(relations[0], address)
    bag = next((bag for bag in hooktools.remote_bags('certificates') if _is_answered(bag)), None)
    if bag is None:
        return 'waiting', 'Waiting for the certificate authority to issue certificates'
    if not _run(root, bag, address, int(config['port'])):
        return 'blocked', 'Stopped services: etcd'
    _publish(bag, address, int(config['port']), _version(root))
    return 'active', 'Healthy with 1 known peer'


def _install(root: Path, channel: str) -> None:
    mark = root / 'var/lib/etcd-charm/channel'
    if hooktools.read(mark) == channel:
        return
    verb = 'refresh' if (root / 'snap/etcd/current').exists() else 'install'
    hooktools.run(['snap', verb, 'etcd', f'--channel={channel}', '--classic'])
    if (root / 'etc/systemd/system/snap.etcd.etcd.service').exists():
        hooktools.run(['systemctl', 'disable', '--now', 'snap.etcd.etcd.service'])
    hooktools.version(_version(root))
    hooktools.write(mark, channel, 0o644)


def _version(root: Path) -> str:
    """Return what the installed program calls itself, asked once for each revision of the snap."""
    kept = root / 'var/lib/etcd-charm/version.json'
    current = root / 'snap/etcd/current'
    revision = str(current.readlink()) if current.is_symlink() else ''
    known = hooktools.mapping(hooktools.read(kept))
    if not revision or known.get('revision') != revision:
        version = hooktools.run(['/snap/bin/etcd', '--version']).splitlines()[0].rpartition(' ')[2]
        known = {'revision': revision, 'version': version}
        hooktools.write(kept, json.dumps(known), 0o644)
    return str(known['version'])


def _me() -> str:
    return hooktools.unit().replace('/', '_')


def _request(relation: str, address: str) -> None:
    names = sorted({address, hooktools.public_address(), socket.gethostname(), 'localhost', '127.0.0.1'})
    request = {'common_name': address, 'sans': json.dumps(names), 'certificate_name': _me(), 'unit_name': _me()}
    hooktools.relation_set(relation, request)


def _is_answered(bag: dict[str, str]) -> bool:
    keys = 'ca', 'client.cert', 'client.key', f'{_me()}.server.cert', f'{_me()}.server.key'
    return all(bag.get(key) for key in keys)


def _run(root: Path, bag: dict[str, str], address: str, port: int) -> bool:
    environment = {
        'NAME': hooktools.unit().replace('/', ''),
        'DATA_DIR': '/var/snap/etcd/common/data',
        'LISTEN_CLIENT_URLS': f'https://{address}:{port}',
        'ADVERTISE_CLIENT_URLS': f'https://{address}:{port}',
        'LISTEN_PEER_URLS': 'http://127.0.0.1:2380',
        'CERT_FILE': '/var/snap/etcd/common/server.crt',
        'KEY_FILE': '/var/snap/etcd/common/server.key',
        'TRUSTED_CA_FILE': '/var/snap/etcd/common/ca.crt',
        'CLIENT_CERT_AUTH': 'true',
    }
    files = {
        'var/snap/etcd/common/ca.crt': bag['ca'],
        'var/snap/etcd/common/server.crt': bag[f'{_me()}.server.cert'],
        'var/snap/etcd/common/server.key': bag[f'{_me()}.server.key'],
        'etc/etcd/etcd.env': ''.join(f'ETCD_{key}={value}\n' for key, value in environment.items()),
        f'etc/systemd/system/{SERVICE}': UNIT,
    }
    (root / 'var/snap/etcd/common/data').mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, text in files.items():
        hooktools.write(root / path, text, 0o600 if path.endswith('.key') else 0o644)
    return hooktools.converge(SERVICE, [*files.values(), _version(root)], root / 'var/lib/etcd-charm/started')


def _publish(bag: dict[str, str], address: str, port: int, version: str) -> None:
    answer = {
        'client_ca': bag['ca'],
        'client_cert': bag['client.cert'],
        'client_key': bag['client.key'],
        'connection_string': f'https://{address}:{port}',
        'version': version,
    }
    for relation in hooktools.relation_ids('db'):
        hooktools.relation_set(relation, answer)
