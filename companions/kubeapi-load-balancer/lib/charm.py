"""kubeapi-load-balancer: keeps the proxy's list of API servers, and tells clients where the proxy is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import hooktools

SERVICE = 'kubeapi-load-balancer.service'
PROGRAM = 'usr/local/lib/kubeapi-load-balancer/proxy.py'
SETTINGS = 'etc/kubeapi-load-balancer/backends.json'
UNIT = f"""\
[Unit]
Description=Passes connections through to the Kubernetes API servers
After=network-online.target

[Service]
Type=simple
ExecStart=/usr/bin/python3 -IS /{PROGRAM} {{port}} /{SETTINGS}
Restart=always
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


def main(root: Path = Path('/')) -> None:
    if hooktools.hook() == 'stop':
        hooktools.run(['systemctl', 'disable', '--now', SERVICE])
        return
    hooktools.status(*_converge(root))


def _converge(root: Path) -> tuple[str, str]:
    port = int(hooktools.config()['port'])
    if not 0 < port < 65536:
        return 'blocked', f'port: expected a number from 1 to 65535, got {port}'
    _move_port(root, port)
    backends = [pair for bag in hooktools.remote_bags('apiserver') for pair in hosts(bag)]
    # the proxy looks at this file for each connection: a change of servers needs no restart
    hooktools.write(root / SETTINGS, json.dumps(backends), 0o644)
    program = hooktools.read(Path(__file__).with_name('proxy.py'))
    unit = UNIT.format(port=port)
    hooktools.write(root / PROGRAM, program, 0o644)
    hooktools.write(root / 'etc/systemd/system' / SERVICE, unit, 0o644)
    if not hooktools.converge(SERVICE, [program, unit], root / 'var/lib/kubeapi-load-balancer/started'):
        return 'blocked', f'Stopped services: {SERVICE}'
    _tell(port)
    if not hooktools.relation_ids('apiserver'):
        return 'blocked', 'Missing relation to kubernetes-master:kube-api-endpoint'
    if not backends:
        return 'waiting', 'Waiting for an API server'
    return 'active', 'Loadbalancer ready.'


def hosts(bag: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return the addresses and ports in the bag of one API server's unit."""
    try:
        extended = json.loads(bag.get('extended_data') or '[]')
    except ValueError:
        extended = []
    entries = [bag, *(extended if isinstance(extended, list) else [])]
    pairs = [(_address(entry), str(entry.get('port', ''))) for entry in entries if isinstance(entry, Mapping)]
    return [(address, int(port)) for address, port in pairs if address and port.isdigit()]


def _address(entry: Mapping[str, object]) -> str:
    return str(entry.get('private-address') or entry.get('hostname') or '')


def _move_port(root: Path, port: int) -> None:
    mark = root / 'var/lib/kubeapi-load-balancer/port'
    before = hooktools.read(mark)
    if before and before != str(port):
        hooktools.close_port(int(before))
    hooktools.open_port(port)
    hooktools.write(mark, str(port), 0o644)


def _tell(port: int) -> None:
    for relation in hooktools.relation_ids('website'):
        address = hooktools.address('website')
        hooktools.relation_set(relation, {'hostname': address, 'private-address': address, 'port': str(port)})
    for relation in hooktools.relation_ids('loadbalancer'):
        hooktools.relation_set(relation, {'public-address': hooktools.public_address(), 'port': str(port)})
