"""kube-control under any order of events: what must hold when everything has settled."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(max_size=12)
JUNK = st.none() | st.integers() | TEXT | st.lists(TEXT, max_size=2) | st.dictionaries(TEXT, TEXT, max_size=2)
ENTRIES = st.dictionaries(st.sampled_from(['system:node:a', 'system:node:b', 'x']), JUNK, max_size=3)
VALUES = TEXT | JUNK.map(json.dumps) | st.sampled_from(['True', 'False', '53', '10.1.0.10', 'cluster.local', 'null'])
KEYS = ['sdn-ip', 'port', 'domain', 'enable-kube-dns', 'cluster-tag', 'registry-location']
BAGS = st.builds(
    lambda plain, creds: plain | creds,
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6),
    st.just({}) | st.builds(lambda entries: {'creds': json.dumps(entries)}, ENTRIES) | TEXT.map(lambda t: {'creds': t}),
)


def master(hook: Any) -> None:
    @hook.when('kube-control.auth.requested')  # type: ignore[untyped-decorator]
    def sign(kube_control: Any) -> None:
        for unit, asked in kube_control.unsigned():
            if kube_control.sign_auth_request(unit, asked['user'], 'k', 'p', 'c'):
                hook.note(('signed', unit, asked['user'], asked['group']))

    @hook.when('kube-control.departed')  # type: ignore[untyped-decorator]
    def revoke(kube_control: Any) -> None:
        hook.note(('departed', kube_control.flush_departed()))


def worker(hook: Any) -> None:
    @hook.when('kube-control.connected')  # type: ignore[untyped-decorator]
    def ask(kube_control: Any) -> None:
        kube_control.set_auth_request('system:node:a')
        hook.note((kube_control.get_dns(), kube_control.get_auth_credentials('system:node:a')))


def play(juju: Any, number: int, steps: list[tuple[str, int]]) -> tuple[list[Any], dict[str, str], set[str]]:
    """Do the steps, with hooks in between or not; return all notes, who still asks for what, and who left."""
    asked: dict[str, str] = {}
    gone: set[str] = set()
    results: list[Any] = []
    for step, which in steps:
        live = [unit for unit in juju.units if unit.startswith('worker/') and unit not in gone]
        if step == 'add' or not live:
            juju.add_unit('worker')
            continue
        unit = live[which % len(live)]
        if step == 'ask':
            asked[unit] = f'system:node:{unit.replace("/", "-")}-{which % 2}'
            juju.write_bag(number, unit, {'kubelet_user': asked[unit], 'auth_group': 'system:nodes'})
        elif step == 'leave':
            juju.remove_unit(unit)
            gone.add(unit)
            asked.pop(unit, None)
        elif step == 'settle':
            results += juju.settle()
    results += [*juju.settle(), juju.run('master/0', 'update-status')]
    return [note for result in results for note in result.notes], asked, gone


STEPS = st.lists(st.tuples(st.sampled_from(['add', 'ask', 'ask', 'leave', 'settle']), st.integers(0, 5)), max_size=12)


@FEW
@given(steps=STEPS)
def test_the_bag_holds_the_live_requests_and_each_leaver_is_reported_once(
    new_juju: Callable[[], Any], steps: list[tuple[str, int]]
) -> None:
    juju = new_juju()
    juju.deploy('master', 'kube-control', 'provides', handlers=master)
    juju.deploy('worker', endpoint='kube-control')
    juju.add_unit('master'), juju.add_unit('worker')
    number = juju.relate('master', 'worker')
    juju.settle()
    notes, asked, gone = play(juju, number, steps)
    creds = json.loads(juju.bag(number, 'master/0').get('creds', '{}'))
    assert {entry['scope']: user for user, entry in creds.items()} == asked
    departed = [note[1] for note in notes if note[0] == 'departed']
    assert len(departed) == len(set(departed))
    assert set(departed) <= gone  # who came and went between two hooks was never there
    assert {unit for unit in gone if any(note[:2] == ('signed', unit) for note in notes)} <= set(departed)


@FEW
@given(bags=st.lists(BAGS, min_size=1, max_size=4))
def test_no_bag_of_a_master_makes_a_hook_of_ours_fail(new_juju: Callable[[], Any], bags: list[dict[str, str]]) -> None:
    juju = new_juju()
    juju.deploy('worker', 'kube-control', 'requires', handlers=worker)
    juju.deploy('master', endpoint='kube-control')
    for app in 'worker', 'master', 'master':
        juju.add_unit(app)
    number = juju.relate('master', 'worker')
    for index, bag in enumerate(bags):
        juju.write_bag(number, f'master/{index % 2}', bag)
        for result in juju.settle():
            for dns, credentials in result.notes:
                assert credentials is None
                assert dns['enable-kube-dns'] is None or dns['domain']
                assert (dns['sdn-ip'] is not None) == (dns['enable-kube-dns'] is True)


@FEW
@given(bags=st.lists(st.dictionaries(st.sampled_from(['kubelet_user', 'auth_group', 'gpu']), VALUES), max_size=4))
def test_no_bag_of_a_worker_makes_a_hook_of_ours_fail(new_juju: Callable[[], Any], bags: list[dict[str, str]]) -> None:
    juju = new_juju()
    juju.deploy('master', 'kube-control', 'provides', handlers=master)
    juju.deploy('worker', endpoint='kube-control')
    for app in 'master', 'worker', 'worker':
        juju.add_unit(app)
    number = juju.relate('master', 'worker')
    for index, bag in enumerate(bags):
        juju.write_bag(number, f'worker/{index % 2}', bag)
        juju.settle()
    for user in json.loads(juju.bag(number, 'master/0').get('creds', '{}')):
        assert not set(' ,"\n') & set(user)
