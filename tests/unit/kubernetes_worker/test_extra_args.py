import pytest
from charms.layer.kubernetes_worker import extra_args

USAGE = """The kubelet is the primary "node agent".

Flags:
      --allow-privileged            If true (DEPRECATED: will be removed)
      --pod-manifest-path string    Files, see also --config
  -v, --v Level                     number for the log level
"""


def test_flags_are_read_from_the_help():
    assert extra_args.flags(USAGE) == {'allow-privileged', 'pod-manifest-path', 'v'}


@pytest.mark.parametrize('name', ['v', 'pod-manifest-path', 'feature-gates'])
def test_known_and_hidden_flags_are_taken(name):
    assert extra_args.unknown('kubelet', (1, 12, 10), {name: 'x'}, extra_args.flags(USAGE)) == []


def test_fm_45_an_argument_the_program_lacks_is_named_with_its_option():
    found = extra_args.unknown('kubelet', (1, 15, 0), {'cadvisor-port': '0', 'v': '2'}, extra_args.flags(USAGE))
    assert [(str(problem), problem.name) for problem in found] == [
        ("kubelet-extra-args: kubelet 1.15.0 has no flag 'cadvisor-port'", 'cadvisor-port')
    ]


@pytest.mark.parametrize('version, known', [((1, 14, 10), True), ((1, 15, 0), False)])
def test_fm_45_a_hidden_flag_ends_with_its_last_version(version, known):
    assert (extra_args.unknown('kubelet', version, {'allow-privileged': 'true'}, {'v'}) == []) is known


def test_a_program_that_does_not_tell_its_flags_refuses_none():
    assert extra_args.unknown('kube-proxy', (1, 12, 0), {'whatever': 'x'}, frozenset()) == []
