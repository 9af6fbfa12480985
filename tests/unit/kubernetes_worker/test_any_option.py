"""Whatever an operator types into any option, a hook comes to its facts and its status, and it can be put right."""

import os
import pwd
import string

import pytest
import yaml
from charms.layer.kubernetes_common import files, options, records, snaps
from charms.layer.kubernetes_worker import (
    daemons,
    docker,
    ingress,
    ingress_inputs,
    inputs,
    labels,
    logins,
    machine,
    nagios,
    packages,
    runtime,
    runtime_inputs,
    status,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import READY

from tests.unit.kubernetes_worker.test_charm_files import OPTIONS, ROOT

KINDS = {'v': 'Level', 'max-pods': 'int32', 'node-labels': 'mapStringString', 'profiling': 'bool'}
USAGE = '\n'.join(f'      --{name} {kind}' for name, kind in KINDS.items())
# characters that mean something to one parser or another, and whole beginnings of good values
HINTS = [
    'v=2',
    '{a: ',
    '[',
    '"',
    "'",
    '\\',
    '--',
    '=',
    ' ',
    '\n',
    ',',
    'http://',
    'u:p@',
    'true',
    'auto',
    'fri5,23:00',
    'sEcReT',
    '\x00',
]
TEXT = st.text(max_size=30) | st.lists(st.sampled_from([*HINTS, *string.ascii_letters]), max_size=12).map(''.join)
NEVER_SHOWN = ('docker-logins', 'http_proxy', 'https_proxy', 'snap_proxy')  # they may hold a password


class Hook:
    """One worker, all of whose programs are there; each call is a hook with other options."""

    def __init__(self):
        self.config = dict(OPTIONS)

    def run(self, **changed):
        """Return the status after everything that options decide was decided."""
        self.config = {**OPTIONS, **changed}
        inputs._settings.cache_clear()
        runtime_inputs._settings.cache_clear()
        facts = inputs.collect()
        parsed = labels.parse(self.config['labels'])
        self.decide(facts, parsed)
        seen = status.Observed(labels_invalid=parsed.problems)
        assert all(problem.option in OPTIONS for problem in facts.problems)
        return facts.problems, status.status(facts, seen, 'kubernetes-worker')

    def decide(self, facts, parsed):
        labels.own('kubernetes-worker', parsed.labels, gpu=False)
        yaml.safe_dump([[daemon.arguments, daemon.config] for daemon in daemons.desired(facts)])
        found = runtime_inputs.settings()
        if found and docker.is_possible(found, runtime_inputs.host()):
            docker.wanted(found, runtime_inputs.host())
            docker.drop_in('/e', '/usr/bin/dockerd', found.daemon, nvidia=False)
            docker.environment(found.proxies or {})
        wanted, _ = ingress_inputs.read()
        if wanted and wanted.enabled:
            ingress.fingerprint(ingress.Facts('kubernetes-worker', 'amd64', '', wanted))
        for door in (lambda: packages.step(requested=False), lambda: logins.parse(self.config), self.checks):
            try:
                door()
            except options.Invalid as error:
                assert error.option in OPTIONS

    def checks(self):
        nagios.files(['kubelet'], nagios.context(self.config), nagios.servicegroups(self.config), export=True)


@pytest.fixture(scope='module')
def hook(tmp_path_factory):
    fake = Hook()
    me = pwd.getpwuid(os.geteuid()).pw_name
    real = files.write
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, 'write', lambda path, text, mode=0o600, owner='': real(path, text, mode, me))
        patch.setattr(records, 'ROOT', tmp_path_factory.mktemp('records'))
        patch.setattr(inputs.hookenv, 'config', lambda name=None: fake.config.get(name) if name else fake.config)
        patch.setattr(inputs, '_relations', lambda: READY.relations)
        patch.setattr(inputs, '_cluster', lambda _: READY.cluster)
        patch.setattr(inputs, '_machine', lambda _: READY.machine)
        patch.setattr(inputs, 'is_flag_set', lambda _: True)
        patch.setattr(snaps, 'revision', lambda _: '1')
        patch.setattr(snaps, 'version', lambda _: (1, 12, 10))
        patch.setattr(snaps, 'usage', lambda _: USAGE)
        patch.setattr(machine, 'has_nvidia_card', lambda: False)
        patch.setattr(machine, 'is_container', lambda: False)
        patch.setattr(runtime, 'usage', lambda: '  -D, --debug   Enable\n')
        inputs._asked.cache_clear()
        fake.run()  # what is bad needs something good to fall back on
        yield fake
    for cache in (inputs._asked, inputs._settings, runtime_inputs._settings, runtime_inputs.host):
        cache.cache_clear()


def test_the_options_are_all_there_are():
    assert set(yaml.safe_load((ROOT / 'config.yaml').read_text())['options']) == set(OPTIONS)


def test_with_the_defaults_nothing_is_wrong(hook):
    assert hook.run() == ((), status.Status('active', status.RUNNING))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(name for name, default in OPTIONS.items() if isinstance(default, str))), TEXT)
def test_any_text_is_in_force_or_blocks_by_name_and_the_default_clears_it(hook, name, text):
    problems, found = hook.run(**{name: text})
    if problems:
        assert found.state == 'blocked' and name in {problem.option for problem in problems}
        assert found.message.startswith(f'{name}: ') and len(found.message) <= status.LENGTH
        if name in NEVER_SHOWN:
            assert 'sEcReT' not in found.message
    elif found.state == 'blocked':
        assert name == 'labels' and found.message.startswith('labels: ')
    else:
        assert found == status.Status('active', status.RUNNING)
    assert hook.run() == ((), status.Status('active', status.RUNNING))
