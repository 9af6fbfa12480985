"""The engine, with charms that are a few lines of shell in real machines."""

from __future__ import annotations

import pytest


@pytest.fixture
def greeters(world):
    """Two units of a charm whose peers greet each other."""
    scripts = {
        'install': 'hostname > /etc/i-was-here; echo out; echo err >&2',
        'start': 'status-set active "up on $(hostname)"',
        'club-relation-joined': 'relation-set greeting="hello from $JUJU_UNIT_NAME"',
        'club-relation-changed': 'relation-get greeting >> /root/greetings',
    }
    world.deploy(world.charm('greeter', scripts, peers={'club': {'interface': 'club'}}), units=2)
    return world


def test_two_units_of_a_peer_relation_hear_each_other(greeters):
    settled = greeters.settle()
    assert not settled.errors
    assert {unit.workload.current for unit in greeters.database.read().units.values()} == {'active'}
    assert greeters.file('greeter/0', '/root/greetings').split('\n')[-2] == 'hello from greeter/1'
    assert greeters.file('greeter/1', '/root/greetings').split('\n')[-2] == 'hello from greeter/0'


def test_hooks_run_in_jujus_order(greeters):
    greeters.settle()
    first = greeters.hooks('greeter/0')[:5]
    assert first == ['install', 'club-relation-created', 'leader-elected', 'config-changed', 'start']


def test_what_a_unit_writes_stays_in_its_machine(greeters):
    from pathlib import Path

    greeters.settle()
    model = greeters.database.read()
    for name in ('greeter/0', 'greeter/1'):
        machine = model.machines[model.units[name].machine]
        assert greeters.file(name, '/etc/i-was-here') == f'{machine.hostname}\n'
    assert not Path('/etc/i-was-here').exists()
