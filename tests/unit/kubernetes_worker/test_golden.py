"""What kubelet and kube-proxy of every supported minor version get, kept in `golden/` and tried on the stand-ins."""

import golden_cases
import pytest
from charms.layer.kubernetes_worker import daemons, extra_args
from juju_local.stand_ins.kube import _flags, _kubelet_settings

MINORS = list(golden_cases.MINORS)


@pytest.fixture(params=MINORS, ids=lambda minor: f'1.{minor}')
def minor(request):
    return request.param


def test_what_is_rendered_is_what_was_reviewed(minor):
    """After a change that is meant, run tools/write-golden and review its difference."""
    assert golden_cases.render(minor) == golden_cases.file(minor).read_text()


def test_fm_45_each_versions_programs_take_what_is_rendered_for_them(minor):
    for facts in golden_cases.CASES.values():
        kubelet, proxy = daemons.desired(golden_cases.with_version(facts, minor))
        for daemon in (kubelet, proxy):
            line = [f'--{name}={value}' for name, value in daemon.arguments.items()]
            _flags.parse(line, _flags.table(daemon.snap, (1, minor)), (1, minor))
        config = {**kubelet.config, **golden_cases.with_version(facts, minor).settings.kubelet_config}
        assert minor < 10 or _kubelet_settings.wrong(config, (1, minor)) == ''


def test_fm_45_asking_the_programs_gives_what_the_table_gives(minor):
    """The table alone, and what the help of each version lists, lead to the same arguments."""
    kinds = {
        name: extra_args.kinds(_flags.usage(name, name, _flags.table(name, (1, minor)), (1, minor)))
        for name in ('kubelet', 'kube-proxy')
    }
    for facts in golden_cases.CASES.values():
        alone, asked = (daemons.desired(golden_cases.with_version(facts, minor, known)) for known in ({}, kinds))
        assert [daemon.arguments for daemon in asked] == [daemon.arguments for daemon in alone]


@pytest.mark.parametrize(
    'minor, case, flags, gone',
    [
        (9, 'plain', {'require-kubeconfig', 'cluster-dns', 'anonymous-auth'}, {'config'}),
        (10, 'plain', {'config', 'allow-privileged'}, {'require-kubeconfig', 'cluster-dns', 'anonymous-auth'}),
        (14, 'plain', {'allow-privileged', 'network-plugin'}, set()),
        (15, 'plain', {'network-plugin'}, {'allow-privileged'}),
        (23, 'plain', {'network-plugin'}, {'container-runtime-endpoint'}),
        (24, 'plain', {'container-runtime-endpoint', 'container-runtime'}, {'network-plugin'}),
        (25, 'plain', {'logtostderr'}, set()),
        (26, 'plain', {'container-runtime'}, {'logtostderr'}),
        (27, 'plain', {'container-runtime-endpoint'}, {'container-runtime'}),
        (34, 'full', {'pod-infra-container-image'}, set()),
        (35, 'full', {'container-runtime-endpoint'}, {'pod-infra-container-image'}),
    ],
)
def test_fm_45_flags_come_and_go_where_the_release_notes_say(minor, case, flags, gone):
    kubelet, _ = daemons.desired(golden_cases.with_version(golden_cases.CASES[case], minor))
    assert flags <= set(kubelet.arguments)
    assert not gone & set(kubelet.arguments)


@pytest.mark.parametrize('minor, gated', [(27, True), (28, False)])
def test_fm_45_the_gate_for_gpus_ends_before_the_kubelet_refuses_it(minor, gated):
    text = golden_cases.file(minor).read_text()
    assert ('DevicePlugins' in text) is gated
