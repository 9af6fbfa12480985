"""flannel: the CNI configuration of a unit, and the pods' network for its principal. The wire is the public charm's."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import hooktools

CONFLIST = '10-flannel.conflist'
FILES = {'client_cert': 'client-cert.pem', 'client_key': 'client-key.pem', 'client_ca': 'client-ca.pem'}
SUBNET_BITS = 24  # of the pods on one machine, as flannel's
SERVICE = 'flannel-network.service'
PROGRAM = 'usr/local/lib/flannel/network.py'
UNIT = f"""\
[Unit]
Description=The network of this machine's pods
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 -IS /{PROGRAM} {{address}} {{network}}{{options}}
ExecStop=-/sbin/ip route delete {{network}}

[Install]
WantedBy=multi-user.target
"""


def main(root: Path = Path('/')) -> None:
    if hooktools.hook() == 'stop':
        hooktools.run(['systemctl', 'disable', '--now', SERVICE])
        (root / 'etc/cni/net.d' / CONFLIST).unlink(missing_ok=True)
        return
    hooktools.status(*_converge(root))


def subnet(cidr: str, unit: str) -> str:
    """Return the network of the pods beside a unit, by its number, which Juju never gives again; '' if none is left."""
    network = ipaddress.ip_network(cidr)
    number = int(unit.rpartition('/')[2])
    first = network.network_address + number * 2 ** (network.max_prefixlen - SUBNET_BITS)
    return f'{first}/{SUBNET_BITS}' if first in network and network.prefixlen <= SUBNET_BITS else ''


def conflist(pods: str) -> dict[str, object]:
    """Return the CNI configuration for pods of this network."""
    bridge = {
        'type': 'bridge',
        'bridge': 'cni0',
        'hairpinMode': True,
        'isDefaultGateway': True,
        'ipam': {'type': 'host-local', 'ranges': [[{'subnet': pods}]]},
    }
    portmap = {'type': 'portmap', 'capabilities': {'portMappings': True}, 'snat': True}
    return {'name': 'cbr0', 'cniVersion': '0.3.1', 'plugins': [bridge, portmap]}


def _converge(root: Path) -> tuple[str, str]:
    cidr = str(hooktools.config()['cidr'])
    if not _is_network(cidr):
        return 'blocked', f'cidr: expected a network such as 10.1.0.0/16, got {cidr!r:.40}'
    pods = subnet(cidr, hooktools.unit())
    if not pods:
        return 'blocked', f'cidr: {cidr} has no network of {SUBNET_BITS} bits left for {hooktools.unit()}'
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
    is_worker = principal['is_master'] != 'True'
    if not _run(root, cidr, is_worker):
        return 'blocked', f'Stopped services: {SERVICE}'
    if is_worker:
        hooktools.write(root / 'etc/cni/net.d' / CONFLIST, json.dumps(conflist(pods), indent=2) + '\n', 0o644)
        answer['cni-conf-file'] = CONFLIST
    for relation in hooktools.relation_ids('cni'):
        hooktools.relation_set(relation, answer)
    return 'active', f'Flannel network {cidr}'


def _run(root: Path, network: str, is_worker: bool) -> bool:
    """Have the machine reach all pods; return whether it does."""
    program = hooktools.read(Path(__file__).with_name('network.py'))
    options = ' masquerade' if is_worker else ''
    unit = UNIT.format(address=hooktools.address('etcd'), network=network, options=options)
    hooktools.write(root / PROGRAM, program, 0o644)
    hooktools.write(root / 'etc/systemd/system' / SERVICE, unit, 0o644)
    return hooktools.converge(SERVICE, [program, unit], root / 'var/lib/flannel/started')


def _is_complete(bag: dict[str, str]) -> bool:
    return all(bag.get(key) for key in ('connection_string', *FILES))


def _is_network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text))
    except ValueError:
        return False
