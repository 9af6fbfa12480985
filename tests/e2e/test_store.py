"""What the store of real software promises its machines."""

from __future__ import annotations

import re

import pytest
from juju_local._real_store import _images, _kubernetes

from tests.e2e.cluster import MASTER, WORKERS, Real

HUB = 'library/'  # which docker leaves out of names
WARNING = re.compile(r']: (?:W\d{4} |Flag --).*(?:deprecated|unknown field|lenient decoding)', re.IGNORECASE)


@pytest.mark.parametrize('image', _images.IMAGES, ids=lambda image: image.names[0])
def test_an_image_is_pulled_under_each_of_its_names(real: Real, image: _images.Image) -> None:
    script = ''.join(f'docker pull --quiet {name.removeprefix(HUB)}\n' for name in image.names if HUB in name)
    others = [name for name in image.names if HUB not in name]
    script += ''.join(f'docker pull --quiet registry.k8s.io/{name}\n' for name in others)
    script += ''.join(f'docker pull --quiet image-registry.canonical.com:5000/cdk/{name}\n' for name in others)
    assert len(real.shell(WORKERS[1], f'set -e\n{script}').split()) == len(image.names) + len(others)


def test_an_image_that_the_store_has_not_is_not_found(real: Real) -> None:
    said = real.shell(WORKERS[0], 'docker pull quay.io/no/such:image 2>&1 || true')
    assert 'manifest unknown' in said


@pytest.mark.parametrize(
    ('unit', 'program'),
    [
        (WORKERS[0], 'kubelet'),
        (WORKERS[0], 'kube-proxy'),
        (f'{MASTER}/0', 'kube-apiserver'),
        (f'{MASTER}/0', 'kube-controller-manager'),
        (f'{MASTER}/0', 'kube-scheduler'),
    ],
)
def test_programs_tell_the_version_of_their_snap_and_run_as_its_daemon(real: Real, unit: str, program: str) -> None:
    assert real.shell(unit, f'/snap/bin/{program} --version') == f'Kubernetes v{_kubernetes.VERSION}\n'
    assert f'{program}  {_kubernetes.VERSION}  ' in real.shell(unit, f'snap list {program}')
    running = real.shell(unit, f'readlink /proc/{real.pid(unit, f"snap.{program}.daemon")}/exe').strip()
    assert running.endswith(f'/bin/{program}')


def test_no_daemon_warns_of_a_flag_or_a_field_that_the_charms_chose(real: Real) -> None:
    for unit, programs in {
        WORKERS[0]: ('kubelet', 'kube-proxy'),
        f'{MASTER}/0': ('kube-apiserver', 'kube-controller-manager', 'kube-scheduler'),
    }.items():
        for program in programs:
            pid = real.pid(unit, f'snap.{program}.daemon')
            said = real.shell(unit, f'journalctl -u snap.{program}.daemon -o short | grep -F "[{pid}]"')
            told = [line for line in said.splitlines() if WARNING.search(line)]
            assert [line for line in told if not _is_of_the_design(line)] == []


def _is_of_the_design(line: str) -> bool:
    """Return whether a line is no matter of a flag: dockershim itself, a cloud library."""
    known = ('Using dockershim is deprecated', 'NoCredentialProviders')
    return any(words in line for words in known)
