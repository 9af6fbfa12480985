"""The status of a hand-written model, as tables and as a tree."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest
from juju_local import _status as shown_status
from juju_local._format import _select, _status, _tabular, _text
from juju_local._state import Model, Status

VIEW = _status.View(now=1795258500.0, utc=True, hardware='arch=amd64')

GOLDEN = """\
Model    Controller  Cloud/Region  Version  SLA          Timestamp
default  juju-local  localhost     2.9.49   unsupported  10:55:00Z

App                Version          Status       Scale  Charm              Channel  Rev  Exposed  Message
flannel                             maintenance    0/1  flannel                       3  no       x
kubernetes-master  1.12.10-and-...  active           1  kubernetes-master             3  no       Ready.
kubernetes-worker                   error            2  kubernetes-worker             3  yes      hook failed: "install"

Unit                  Workload     Agent       Machine  Public address  Ports               Message
kubernetes-master/0*  active       executing   0        10.87.0.2       6443/tcp,80-81/udp  (upgrade-charm) Ready.
kubernetes-worker/2   active       idle        1        10.87.0.3                           Ready.
  flannel/0*          maintenance  allocating           10.87.0.3                           x
kubernetes-worker/10  error        idle        2        10.87.0.4                           hook failed: "install"

Machine  State    DNS        Inst id    Series  AZ  Message
0        started  10.87.0.2  juju-0a-0  jammy       Running
1        started  10.87.0.3  juju-0a-1  jammy       Running
2        started  10.87.0.4  juju-0a-2  jammy       Running

Relation provider               Requirer                        Interface       Type         Message
flannel:cni                     kubernetes-worker:cni           kubernetes-cni  subordinate  joining
kubernetes-master:kube-control  kubernetes-worker:kube-control  kube-control    regular      \n"""


def tree(model: Model, *patterns: str) -> dict[str, Any]:
    return _status.status(model, VIEW, _select.select(model, patterns))


def test_the_tables_are_those_of_juju_2_9(model: Model) -> None:
    assert _tabular.tabular(tree(model), _status.relations(model)) == GOLDEN


def test_relations_are_shown_only_when_asked_for(model: Model) -> None:
    assert 'Relation provider' not in _tabular.tabular(tree(model))


def test_an_empty_model_has_a_header_only() -> None:
    assert _tabular.tabular(tree(Model())).count('\n') == 2


def test_colours_do_not_move_the_columns(model: Model) -> None:
    import re

    coloured = _tabular.tabular(tree(model), _status.relations(model), colour=True)
    assert '\x1b[31merror\x1b[0m' in coloured
    assert re.sub(r'\x1b\[\d+m', '', coloured) == GOLDEN


def test_the_tree_has_the_keys_of_juju_in_its_order(model: Model) -> None:
    shown = tree(model)
    assert list(shown) == ['model', 'machines', 'applications', 'storage', 'controller']
    assert list(shown['model']) == ['name', 'type', 'controller', 'cloud', 'version', 'model-status', 'sla']
    worker = shown['applications']['kubernetes-worker']
    assert list(worker)[:7] == ['charm', 'series', 'os', 'charm-origin', 'charm-name', 'charm-rev', 'exposed']
    assert worker['relations'] == {'cni': ['flannel'], 'kube-control': ['kubernetes-master']}
    assert shown['controller'] == {'timestamp': '10:55:00Z'}
    assert shown['storage'] == {}


def test_a_unit_says_who_leads_where_it_stands_and_what_it_opened(model: Model) -> None:
    assert tree(model)['applications']['kubernetes-master']['units']['kubernetes-master/0'] == {
        'workload-status': {'current': 'active', 'message': 'Ready.', 'since': '21 Nov 2026 10:53:31Z'},
        'juju-status': {
            'current': 'executing',
            'message': 'running upgrade-charm hook',
            'since': '21 Nov 2026 10:53:31Z',
            'version': '2.9.49',
        },
        'leader': True,
        'machine': '0',
        'open-ports': ['6443/tcp', '80-81/udp'],
        'public-address': '10.87.0.2',
    }


def test_a_subordinate_hangs_under_its_principal_and_has_no_units_of_its_own(model: Model) -> None:
    applications = tree(model)['applications']
    assert 'units' not in applications['flannel']
    assert applications['flannel']['subordinate-to'] == ['kubernetes-worker']
    below = applications['kubernetes-worker']['units']['kubernetes-worker/2']['subordinates']
    assert list(below) == ['flannel/0']
    assert 'machine' not in below['flannel/0']


def test_a_machine_tells_its_address_and_that_it_runs(model: Model) -> None:
    machine = tree(model)['machines']['1']
    assert machine['juju-status'] == {'current': 'started', 'since': '21 Nov 2026 10:53:31Z', 'version': '2.9.49'}
    assert machine['ip-addresses'] == ['10.87.0.3']
    assert machine['network-interfaces']['eth0']['is-up'] is True


@pytest.mark.parametrize(
    'words, shown',
    [
        (['active', 'blocked', 'waiting'], 'blocked'),
        (['maintenance', 'waiting', 'active'], 'waiting'),
        (['unknown', 'active'], 'active'),
        (['blocked', 'error'], 'error'),
        ([], 'unknown'),
    ],
)
def test_an_application_shows_its_worst_unit_status(model: Model, words: list[str], shown: str) -> None:
    names = [unit.name for unit in model.units_of('kubernetes-worker')]
    for name in names:
        del model.units[name]
    for number, word in enumerate(words):
        unit = _copy_of_master(model, f'kubernetes-worker/{number}')
        unit.workload = Status(word)
    assert shown_status.application(model, 'kubernetes-worker').current == shown


def _copy_of_master(model: Model, name: str) -> Any:
    from juju_local._state import Unit

    model.units[name] = Unit(name, name.partition('/')[0], '0')
    return model.units[name]


def test_what_the_charm_set_for_the_application_wins(model: Model) -> None:
    model.applications['kubernetes-worker'].status = Status('maintenance', 'upgrading')
    assert shown_status.application(model, 'kubernetes-worker').message == 'upgrading'


@pytest.mark.parametrize(
    'pattern, units',
    [
        ('kubernetes-worker/2', ['kubernetes-worker/2']),
        ('kubernetes-master', ['kubernetes-master/0']),
        ('error', ['kubernetes-worker/10']),
        ('*worker*', ['kubernetes-worker/2', 'kubernetes-worker/10']),
        ('flannel', ['kubernetes-worker/2']),
        ('6443/tcp', ['kubernetes-master/0']),
        ('exposed', ['kubernetes-worker/2', 'kubernetes-worker/10']),
        ('nobody', []),
    ],
)
def test_a_pattern_keeps_the_units_it_matches(model: Model, pattern: str, units: list[str]) -> None:
    applications = tree(model, pattern)['applications']
    assert sorted(u for app in applications.values() for u in app.get('units', {})) == sorted(units)


def test_a_filter_leaves_the_machines_of_what_it_kept(model: Model) -> None:
    assert list(tree(model, 'kubernetes-worker/10')['machines']) == ['2']


def test_json_is_one_line_and_yaml_reads_back_the_same(model: Model) -> None:
    import yaml

    text = _text.to_json(tree(model))
    assert text.count('\n') == 1
    assert json.loads(text) == yaml.safe_load(_text.to_yaml(tree(model)))


def test_text_of_several_lines_stays_readable_in_yaml() -> None:
    assert _text.to_yaml({'a': 'x\ny\n'}) == textwrap.dedent("""\
        a: |
          x
          y
        """)


def test_units_are_in_natural_order() -> None:
    assert _text.naturally(['u/10', 'u/9', 'u', 'u/1', 'a/2']) == ['a/2', 'u', 'u/1', 'u/9', 'u/10']
