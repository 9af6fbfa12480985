"""flannel: the CNI configuration of a unit, and the pods' network for its principal. The wire is the public charm's."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import hooktools

CONFLIST = '10-flannel.conflist'
FILES = {'client_cert': 'client-cert.pem', 'client_key': 'client-key.pem', 'client_ca': 'client-ca.pem'}
NETWORK = {
    'name': 'cbr0',
    'cniVersion': '0.3.1',
    'plugins': [
        {'type': 'flannel', 'delegate': {'hairpinMode': True, 'isDefaultGateway': True}},
        {'type': 'portmap', 'capabilities': {'portMappings': True}, 'snat': True},
    ],
}


def main(root: Path = Path('/')) -> None:
    if hooktools.hook() == 'stop':
        (root / 'etc/cni/net.d' / CONFLIST).unlink(missing_ok=True)
        return
    hooktools.status(*_converge(root))


def _converge(root: Path) -> tuple[str, str]:
    cidr = str(hooktools.config()['cidr'])
    if not _is_network(cidr):
        return 'blocked', f'cidr: expected a network such as 10.1.0.0/16, got {cidr!r:.40}'
    if not hooktools.relation_ids('etcd'):
        return 'blocked', 'Missing relation to etcd'
    principal = next((bag for bag in hooktools.remote_bags('cni') if bag.get('is_master')), None)
    if principal is None:
        return 'waiting', 'Waiting for the principal unit to tell what it is'
    etcd = next((bag for bag in hooktools.remote_bags('etcd') if _is_complete(bag)), None)
    if etcd is None:
        return 'waiting', 'Waiting for etcd to give client certificates'
    for key, name in FILES.items():
        hooktools.write(root / 'etc/ssl/flannel' / name, etcd[key])
    answer = {'cidr': cidr}
    if principal['is_master'] != 'True':
        hooktools.write(root / 'etc/cni/net.d' / CONFLIST, json.dumps(NETWORK, indent=2) + '\n', 0o644)
        answer['cni-conf-file'] = CONFLIST
    for relation in hooktools.relation_ids('cni'):
        hooktools.relation_set(relation, answer)
    return 'active', f'Flannel network {cidr}'


def _is_complete(bag: dict[str, str]) -> bool:
    return all(bag.get(key) for key in ('connection_string', *FILES))


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text))
    except ValueError:
        return False
