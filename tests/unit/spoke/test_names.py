from __future__ import annotations

import random
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoke import _names
from spoke._names import Names, Sources


@pytest.mark.parametrize(
    'sources, name',
    [
        (Sources('flag', 'certificate', 'file', 'pending'), 'flag'),
        (Sources('', 'certificate', 'file', 'pending'), 'certificate'),
        (Sources('', '', 'file\n', 'pending'), 'file'),
        (Sources('', '', '', 'pending'), 'pending'),
        (Sources('', '', '\n', ''), 'generated'),
    ],
)
def test_the_first_source_that_has_a_name_gives_it(sources: Sources, name: str) -> None:
    assert _names.chosen(sources, 'generated') == name


maybe = st.one_of(st.just(''), st.text('abc-', min_size=1, max_size=5))


@given(maybe, maybe, maybe, st.sampled_from(['', '\n', ' \n']), maybe)
def test_a_name_is_that_of_the_first_source_and_generated_only_without_any(
    flag: str, certificate: str, file: str, end: str, pending: str
) -> None:
    chosen = _names.chosen(Sources(flag, certificate, file + end, pending), 'generated')
    assert chosen == [*(each for each in (flag, certificate, file, pending) if each), 'generated'][0]


subjects = st.fixed_dictionaries(
    {},
    optional={'user': maybe, 'groups': st.lists(maybe.filter(bool), max_size=3),
              'organizationUnit': st.lists(maybe.filter(bool), max_size=2)},
)  # fmt: skip


@given(st.sampled_from([_names.CLIENT_SIGNER, 'example.com/signer']), subjects)
def test_the_subject_of_an_add_on_is_its_registration_s_and_never_an_agent_s(
    signer: str, wanted: dict[str, Any]
) -> None:
    names = Names('edge-7', 'b2c4d')
    subject = _names.addon_subject(names, 'logs', signer, wanted)
    base = 'system:open-cluster-management:cluster:edge-7:addon:logs'
    assert subject.common_name == (wanted.get('user') or f'{base}:agent:b2c4d')
    usual = (base,) if signer == _names.CLIENT_SIGNER else ()
    assert subject.organizations == (tuple(wanted.get('groups', ())) or usual)
    assert subject.units == tuple(wanted.get('organizationUnit', ()))
    assert subject.dns_names == ('logs.addon.open-cluster-management.io',)
    assert _names.from_common_name(subject.common_name) is None


words = st.text('abcdefghijklmnopqrstuvwxyz0123456789-', min_size=1, max_size=20)


@given(words, words)
def test_the_names_are_read_back_from_the_user_name_of_the_certificate(cluster: str, agent: str) -> None:
    names = Names(cluster, agent)
    assert _names.from_common_name(names.user) == names


@pytest.mark.parametrize(
    'common', ['', 'admin', 'system:open-cluster-management:edge-7', 'system:open-cluster-management:a:b:c',
               'system:open-cluster-management::b', 'system:open-cluster-management:a:'],
)  # fmt: skip
def test_other_user_names_are_nobody_s(common: str) -> None:
    assert _names.from_common_name(common) is None


def test_generated_names_are_a_uuid_and_five_letters_that_nobody_confuses() -> None:
    chance = random.Random(7)
    assert uuid.UUID(_names.new_cluster(chance)).version == 4
    agent = _names.new_agent(chance)
    assert len(agent) == 5
    assert set(agent) <= set('bcdfghjklmnpqrstvwxz2456789')
    assert _names.faults(Names(_names.new_cluster(chance), agent)) == []


@pytest.mark.parametrize('cluster', ['Edge_7', 'edge.7', '-edge', 'edge-', 'e' * 64, 'edge\n', 'ü'])
def test_a_cluster_name_that_is_no_label_is_refused_by_name_and_rule(cluster: str) -> None:
    (fault,) = _names.faults(Names(cluster, 'abcde'))
    assert repr(cluster) in fault
    assert 'wrong format' in fault
    assert '63' in fault


def test_an_agent_id_that_would_break_the_user_name_is_refused() -> None:
    assert _names.faults(Names('edge-7', 'a:b'))
    assert _names.faults(Names('e' * 63, 'a.b')) == []


def test_an_add_on_with_the_usual_signer_gets_the_names_of_an_agent_of_the_add_on() -> None:
    subject = _names.addon_subject(Names('edge-7', 'b2c4d'), 'logs', _names.CLIENT_SIGNER, {})
    base = 'system:open-cluster-management:cluster:edge-7:addon:logs'
    assert subject == _names.Subject(
        f'{base}:agent:b2c4d', (base,), (), ('logs.addon.open-cluster-management.io',)
    )  # fmt: skip


def test_an_add_on_with_a_signer_of_its_own_gets_what_it_asks_for_and_no_group() -> None:
    names = Names('edge-7', 'b2c4d')
    wanted: dict[str, object] = {'user': 'logs-user', 'organizationUnit': ['north']}
    subject = _names.addon_subject(names, 'logs', 'example.com/signer', wanted)
    assert (subject.common_name, subject.organizations, subject.units) == ('logs-user', (), ('north',))
    grouped = _names.addon_subject(names, 'logs', 'example.com/signer', {'groups': ['g']})
    assert grouped.organizations == ('g',)
