import os
import pwd

import pytest
from charms.layer.kubernetes_common import files, options, records, services
from charms.layer.kubernetes_worker import checks, nagios
from hypothesis import given
from hypothesis import strategies as st

UNITS = ['snap.kubelet.daemon', 'snap.kube-proxy.daemon']


def test_each_daemon_has_a_check_and_a_definition_in_its_groups():
    found = nagios.files(UNITS, 'juju-kubernetes-worker-0', 'k8s,prod', export=True)
    check = found['/etc/nagios/nrpe.d/check_snap.kubelet.daemon.cfg']
    assert check.splitlines()[-1] == (
        'command[check_snap.kubelet.daemon]=/usr/local/lib/nagios/plugins/check_systemd.py snap.kubelet.daemon'
    )
    definition = found['/var/lib/nagios/export/service__juju-kubernetes-worker-0_check_snap.kubelet.daemon.cfg']
    assert 'host_name                       juju-kubernetes-worker-0\n' in definition
    assert 'servicegroups                   k8s,prod\n' in definition
    assert len(found) == 5


def test_nothing_is_exported_where_nobody_collects():
    assert len(nagios.files(UNITS, 'h', 'g', export=False)) == 3


@pytest.mark.parametrize('told, name', [('', 'prod-kubernetes-worker-0'), ('as-nrpe-says', 'as-nrpe-says')])
def test_the_host_is_named_as_nrpe_says_else_by_context_and_unit(told, name):
    assert nagios.hostname(told, 'prod', 'kubernetes-worker/0') == name


@pytest.mark.parametrize('text, groups', [('', ''), ('a', 'a'), (' a , b ', 'a,b')])
def test_service_groups_are_a_list(text, groups):
    assert nagios.servicegroups({'nagios_servicegroups': text}) == groups


@pytest.mark.parametrize('text', ['a b', 'a;b', 'a,,b', 'a\nb', 'ä', '-'])
def test_what_nagios_would_not_take_is_refused_by_name(text):
    with pytest.raises(options.Invalid, match=r'^nagios_servicegroups: expected'):
        nagios.servicegroups({'nagios_servicegroups': text})
    with pytest.raises(options.Invalid, match=r'^nagios_context: expected'):
        nagios.context({'nagios_context': text})


@given(st.text())
def test_any_text_is_taken_or_refused(text):
    for parser in (nagios.context, nagios.servicegroups):
        try:
            assert '\n' not in parser({'o': text}, 'o')
        except options.Invalid as error:
            assert str(error).startswith('o: ')


@pytest.fixture
def machine(tmp_path, monkeypatch):
    me, write, remove = pwd.getpwuid(os.geteuid()).pw_name, files.write, files.remove
    restarts = []
    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr(
        files, 'write', lambda path, text, mode=0o600, owner='root': write(_at(tmp_path, path), text, mode, me)
    )
    monkeypatch.setattr(files, 'remove', lambda path: remove(_at(tmp_path, path)))
    monkeypatch.setattr(checks, '_has_server', lambda: True)
    monkeypatch.setattr(services, '_systemctl', lambda verb, _: restarts.append(verb) or True)
    return tmp_path, restarts


def _at(folder, path):
    return path if str(path).startswith(str(folder)) else f'{folder}{path}'


def there(folder):
    return {path.name for path in folder.rglob('*') if path.is_file() and 'records' not in path.parts}


def test_checks_are_written_once_and_go_with_the_relation(machine):
    folder, restarts = machine
    wanted = nagios.files(UNITS, 'h', 'g', export=True)
    for _ in range(2):
        checks.converge(wanted)
        assert there(folder) == {path.rpartition('/')[2] for path in wanted}
        assert restarts == ['enable', 'restart']
    (folder / 'etc/nagios/nrpe.d/check_by_hand.cfg').write_text('')
    for _ in range(2):
        checks.converge({})
        assert there(folder) == {'check_by_hand.cfg'}
        assert restarts == ['enable', 'restart'] * 2


def test_a_unit_that_is_renamed_leaves_no_definition_under_its_old_name(machine):
    folder, restarts = machine
    checks.converge(nagios.files(UNITS, 'old', 'g', export=True))
    checks.converge(nagios.files(UNITS, 'new', 'g', export=True))
    assert not [name for name in there(folder) if '_old_' in name]
    assert restarts == ['enable', 'restart']
