"""A small model written by hand: a master, two workers (one in error), and a subordinate beside each of them."""

from __future__ import annotations

import pytest
from juju_local._state import (
    Application,
    Bag,
    Charm,
    Endpoint,
    Machine,
    Model,
    PortRange,
    Relation,
    RelationEnd,
    Settings,
    Status,
    Unit,
)

START = 1795258411.0  # 21 Nov 2026 10:53:31 UTC


def _charm(name: str, *endpoints: Endpoint, subordinate: bool = False) -> Charm:
    options: dict[str, dict[str, object]] = {
        'labels': {'type': 'string', 'default': '', 'description': 'Labels of the node.'},
        'ingress': {'type': 'boolean', 'default': True, 'description': 'Whether to deploy the ingress.'},
        'proxy': {'type': 'string', 'description': 'No default.'},
    }
    return Charm(
        url=f'local:jammy/{name}-3',
        name=name,
        revision=3,
        directory=f'charms/{name}-3',
        subordinate=subordinate,
        series='jammy',
        endpoints={endpoint.name: endpoint for endpoint in endpoints},
        options=options,
        actions={'pause': {'description': 'Cordon the unit.\nThen drain it.', 'params': {}}},
        resources={'cni-amd64': {'type': 'file', 'filename': 'cni.tgz', 'description': 'CNI plugins.'}},
    )


@pytest.fixture
def model() -> Model:
    model = Model(settings=Settings(name='default', uuid='0a', created=START))
    charms = [
        _charm('kubernetes-master', Endpoint('kube-control', 'provider', 'kube-control')),
        _charm('kubernetes-worker', Endpoint('kube-control', 'requirer', 'kube-control')),
        _charm('flannel', Endpoint('cni', 'provider', 'kubernetes-cni', 'container'), subordinate=True),
    ]
    model.charms = {charm.url: charm for charm in charms}
    for charm in charms:
        model.applications[charm.name] = Application(charm.name, charm.url, leader=f'{charm.name}/0')
    model.applications['kubernetes-worker'].exposed = True
    model.applications['kubernetes-master'].workload_version = '1.12.10-and-then-some'
    for number in range(3):
        address = f'10.87.0.{number + 2}'
        model.machines[str(number)] = Machine(str(number), 'jammy', f'juju-0a-{number}', address, [], 'alive')
        model.machines[str(number)].status = Status('started', '', START)
    for name, machine in (('kubernetes-master/0', '0'), ('kubernetes-worker/2', '1'), ('kubernetes-worker/10', '2')):
        app = name.partition('/')[0]
        unit = Unit(
            name, app, machine, workload=Status('active', 'Ready.', START), agent_status=Status('idle', '', START)
        )
        model.units[name] = unit
    model.units['kubernetes-worker/10'].workload = Status('error', 'hook failed: "install"', START)
    master = model.units['kubernetes-master/0']
    master.ports = [PortRange(6443, 6443, 'tcp'), PortRange(80, 81, 'udp')]
    master.agent_status = Status('executing', 'running upgrade-charm hook', START)
    beside = Unit(
        'flannel/0', 'flannel', '1', principal='kubernetes-worker/2', workload=Status('maintenance', 'x', START)
    )
    model.units[beside.name] = beside
    ends = [
        RelationEnd('kubernetes-master', 'kube-control', 'provider', 'kube-control'),
        RelationEnd('kubernetes-worker', 'kube-control', 'requirer', 'kube-control'),
    ]
    model.relations[1] = Relation(1, ends, in_scope=['kubernetes-master/0', 'kubernetes-worker/2'])
    cni = [
        RelationEnd('flannel', 'cni', 'provider', 'kubernetes-cni', 'container'),
        RelationEnd('kubernetes-worker', 'cni', 'requirer', 'kubernetes-cni', 'container'),
    ]
    model.relations[2] = Relation(2, cni)
    model.bags[1, 'kubernetes-master/0'] = Bag({'port': '53', 'domain': 'cluster.local'})
    model.bags[1, 'kubernetes-worker/2'] = Bag({'gpu': 'false'})
    return model
