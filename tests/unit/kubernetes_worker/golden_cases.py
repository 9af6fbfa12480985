"""What kubelet and kube-proxy get from the charm, as text, for one minor version: `golden/` keeps it to be reviewed."""

import dataclasses
from pathlib import Path

from charms.layer.kubernetes_worker import daemons
from charms.layer.kubernetes_worker.facts import Program, Programs, Settings
from samples import CLUSTER, MACHINE, READY

FOLDER = Path(__file__).with_name('golden')
MINORS = range(9, 37)
# a worker on a plain host, and one on which everything is so that decides
PLAIN = READY
FULL = dataclasses.replace(
    READY,
    cluster=dataclasses.replace(CLUSTER, registry='registry.example:5000/cdk/'),
    machine=dataclasses.replace(MACHINE, stub_resolver=True, container=True, gpu=True),
    settings=Settings(
        kubelet_args={'v': '2', 'register-node': 'true'},
        proxy_args={'proxy-mode': 'iptables'},
        kubelet_config={
            'evictionHard': {'memory.available': '200Mi'},
            'authentication': {'webhook': {'enabled': True}},
        },
        allow_privileged='auto',
    ),
)
CASES = {'plain': PLAIN, 'full': FULL}


def with_version(facts, minor, kinds=None):
    """Return the facts of a worker whose programs are of this minor version; `kinds`: what their help lists."""
    kinds = kinds or {}
    programs = [Program(name, (1, minor, 0), kinds.get(name, {})) for name in ('kubelet', 'kube-proxy')]
    settings = facts.settings if minor > 9 else dataclasses.replace(facts.settings, kubelet_config={})
    return dataclasses.replace(facts, programs=Programs(*programs), settings=settings)


def render(minor):
    """Return all that is rendered for a minor version."""
    text = ''
    for case, facts in CASES.items():
        for daemon in daemons.desired(with_version(facts, minor)):
            text += f'== {case}: {daemon.snap}\n' + ''.join(f'--{k}={v}\n' for k, v in sorted(daemon.arguments.items()))
            for file in daemon.files:
                if not file.path.endswith('config'):  # kubeconfigs do not depend on the version
                    text += f'== {case}: {file.path} {file.mode:04o}\n{file.text}'
    return text


def file(minor):
    return FOLDER / f'1.{minor}.txt'
