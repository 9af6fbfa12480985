import pytest
from charms.layer.kubernetes_worker import extra_args, version_table
from charms.layer.kubernetes_worker.facts import Program
from hypothesis import given
from hypothesis import strategies as st
from juju_local.stand_ins.kube import _flags

# as pflag prints it: kubelet 1.20.2
USAGE = """The kubelet is the primary "node agent".

Usage:
  kubelet [flags]

Flags:
      --allow-privileged                       If true (DEPRECATED: will be removed)
      --feature-gates mapStringBool            A set of key=value pairs. Options are:
                APIListChunking=true|false (BETA - default=true)
      --max-pods int32                         Number of Pods (default 110)
      --pod-manifest-path string               Files, see also --config
      --register-with-taints []api.Taint       Register the node with the given list of taints
      --sync-frequency duration                Max period (default 1m0s)
      --version version[=true]                 Print version information and quit
  -v, --v Level                                number for the log level
"""
KINDS = extra_args.kinds(USAGE)


def kubelet(*version, kinds=KINDS):
    return Program('kubelet', version, kinds)


def reasons(program, arguments):
    return [str(fault) for fault in extra_args.faults(program, arguments)]


def test_flags_and_the_kinds_of_their_values_are_read_from_the_help():
    assert KINDS == {
        'allow-privileged': 'bool',
        'feature-gates': 'mapStringBool',
        'max-pods': 'int32',
        'pod-manifest-path': 'string',
        'register-with-taints': '[]api.Taint',
        'sync-frequency': 'duration',
        'version': 'version',
        'v': 'Level',
    }


@pytest.mark.parametrize('name', ['v', 'pod-manifest-path', 'cluster-domain'])
def test_flags_in_the_help_and_flags_that_help_hides_are_taken(name):
    assert reasons(kubelet(1, 12, 10), {name: 'x'}) == []


@pytest.mark.parametrize(
    'version, name, reason',
    [
        ((1, 12, 10), 'cadvisor-port', 'kubelet 1.12.10 has no flag cadvisor-port: it went with 1.12'),
        ((1, 24, 17), 'network-plugin', 'kubelet 1.24.17 has no flag network-plugin: it went with 1.24'),
        (
            (1, 15, 0),
            'topology-manager-policy',
            'kubelet 1.15.0 has no flag topology-manager-policy: it came with 1.16',
        ),
        ((1, 12, 10), 'max-pod', 'kubelet 1.12.10 has no flag max-pod; is max-pods meant?'),
        ((1, 12, 10), 'zzz', 'kubelet 1.12.10 has no flag zzz'),
    ],
)
def test_fm_45_a_flag_the_program_lacks_is_named_with_the_version_it_went_or_came(version, name, reason):
    assert reasons(kubelet(*version), {name: 'x', 'v': '2'}) == [f'kubelet-extra-args: {reason}']


@pytest.mark.parametrize(
    'name, value, wanted',
    [
        ('max-pods', 'many', "flag max-pods expects a number, got 'many'"),
        ('max-pods', 'true', "flag max-pods expects a number, got 'true'"),
        ('allow-privileged', 'yes', "flag allow-privileged expects true or false, got 'yes'"),
        ('sync-frequency', '5', "flag sync-frequency expects a duration such as 90s or 1h30m, got '5'"),
    ],
)
def test_a_value_of_another_kind_than_the_help_says_is_refused(name, value, wanted):
    assert reasons(kubelet(1, 12, 10), {name: value}) == [f'kubelet-extra-args: {wanted}']


@pytest.mark.parametrize(
    'name, value', [('max-pods', '-1'), ('sync-frequency', '1h30m'), ('allow-privileged', 'false')]
)
def test_a_value_of_the_right_kind_is_taken(name, value):
    assert reasons(kubelet(1, 12, 10), {name: value}) == []


def test_the_programs_help_counts_more_than_the_table():
    assert reasons(kubelet(1, 24, 0, kinds={'network-plugin': 'string'}), {'network-plugin': 'cni'}) == []
    assert len(reasons(kubelet(1, 12, 0, kinds={'v': 'Level'}), {'rotate-server-certificates': 'true'})) == 1


@pytest.mark.parametrize(
    'arguments', [{'container-runtime': 'docker'}, {'container-runtime-endpoint': 'unix:///var/run/dockershim.sock'}]
)
def test_docker_without_dockershim_is_a_combination_that_names_both_options(arguments):
    kinds = dict.fromkeys(arguments, 'string')
    (reason,) = reasons(kubelet(1, 24, 17, kinds=kinds), arguments)
    assert reason.startswith('kubelet-extra-args: ') and 'channel' in reason and 'dockershim' in reason
    assert reasons(kubelet(1, 23, 17, kinds=kinds), arguments) == []


def test_a_program_that_does_not_tell_its_flags_is_judged_by_the_table():
    assert reasons(Program('kube-proxy', (1, 12, 0)), {'whatever': 'x'}) == []
    assert reasons(Program('kube-proxy', (1, 15, 0)), {'conntrack-max': '1'}) == [
        'proxy-extra-args: kube-proxy 1.15.0 has no flag conntrack-max: it went with 1.15'
    ]


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_is_left_without_the_faults_has_none(arguments):
    program = kubelet(1, 12, 10)
    left = extra_args.without(arguments, extra_args.faults(program, arguments))
    assert extra_args.faults(program, left) == []
    assert left.items() <= arguments.items()


@pytest.mark.parametrize('program', ['kubelet', 'kube-proxy'])
def test_the_tables_of_the_charm_and_of_the_stand_ins_agree(program):
    for minor in range(9, 37):
        there = _flags.table(program, (1, minor))
        for name, flag in version_table.flags(program).items():
            assert ((1, minor) in flag.span) == (name in there), (program, minor, name)
