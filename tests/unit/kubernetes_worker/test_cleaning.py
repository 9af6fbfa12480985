"""What docker and containerd keep without using it; `ctr` is a stand-in that prints what that of 1.6.20 printed."""

import json
import sys
from datetime import datetime, timedelta, timezone

import pytest
from charms.layer.kubernetes_common import snaps
from charms.layer.kubernetes_worker import cleaning, leftovers
from charms.layer.kubernetes_worker.cluster_node import Refused

IMAGES = """\
REF                   TYPE                                       DIGEST     SIZE     PLATFORMS   LABELS
docker.io/library/a:1 application/vnd.oci.image.manifest.v1+json sha256:b07 50.6 KiB linux/amd64 io.cri-containerd.image=managed
docker.io/library/a:2 application/vnd.oci.image.manifest.v1+json sha256:b07 50.6 KiB linux/amd64 -
sha256:007e           application/vnd.oci.image.manifest.v1+json sha256:b07 50.6 KiB linux/amd64 io.cri-containerd.image=managed
docker.io/library/b:1 application/vnd.oci.image.manifest.v1+json sha256:085 50.6 KiB linux/amd64 io.cri-containerd.image=managed
sha256:eff1           application/vnd.oci.image.manifest.v1+json sha256:085 50.6 KiB linux/amd64 io.cri-containerd.image=managed
sha256:a7a6           application/vnd.oci.image.manifest.v1+json sha256:cfc 50.6 KiB linux/amd64 io.cri-containerd.image=managed
my/c@sha256:cfc       application/vnd.oci.image.manifest.v1+json sha256:cfc 50.6 KiB linux/amd64 -
"""  # noqa: E501
CONTAINERS = """\
CONTAINER    IMAGE                    RUNTIME
running      sha256:007e              io.containerd.runc.v2
sandbox      docker.io/library/a:2    io.containerd.runc.v2
"""
TASKS = """\
TASK       PID      STATUS
running    30670    RUNNING
ended      30671    STOPPED
"""
NOW = datetime(2026, 11, 21, 17, 42, 52, tzinfo=timezone.utc)
CTR = f"""#!{sys.executable}
import json, pathlib, sys
words = sys.argv[1:]
assert words[:2] == ['--namespace', 'k8s.io'], words
known = json.loads(pathlib.Path(__file__).with_name('known.json').read_text())
if words[3] == 'delete':
    with pathlib.Path(__file__).with_name('deleted').open('a') as file:
        print(*words[2:], file=file)
else:
    print(known[' '.join(words[2:])], end='')
"""


@pytest.mark.parametrize(
    'untagged_only, unused',
    [(True, {'sha256:a7a6', 'my/c@sha256:cfc'}), (False, {'docker.io/library/b:1', 'sha256:eff1'})],
)
def test_an_image_goes_with_all_its_names_unless_a_container_was_made_of_one_of_them(untagged_only, unused):
    found = leftovers.unused(IMAGES, CONTAINERS, untagged_only=untagged_only)
    assert set(found) == unused | {'sha256:a7a6', 'my/c@sha256:cfc'}


def test_a_container_is_idle_without_a_process():
    assert leftovers.idle(['running', 'ended', 'never'], TASKS) == ['ended', 'never']


@pytest.mark.parametrize(
    'info, young',
    [
        ({'CreatedAt': '2026-11-21T17:42:52.494247076Z'}, True),
        ({'CreatedAt': '2026-11-21T17:30:00.494247076Z'}, False),
        ({'CreatedAt': 'yesterday'}, True),
        ({}, True),
        (None, True),
    ],
)
def test_a_container_that_may_be_about_to_start_is_left(info, young):
    assert leftovers.is_young(info, NOW) is young


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with a docker and a ctr, whose kubelet containerd serves."""
    (tmp_path / 'docker').write_text('#!/bin/sh\necho "Total reclaimed space: 0B"\n')
    (tmp_path / 'ctr').write_text(CTR)
    made = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
    known = {
        'containers list --quiet labels."io.cri-containerd.kind"==container': 'running\nended\n',
        'containers list': CONTAINERS,
        'containers info ended': json.dumps({'ID': 'ended', 'CreatedAt': made}),
        'tasks list': TASKS,
        'images list': IMAGES,
    }
    (tmp_path / 'known.json').write_text(json.dumps(known))
    for program in ('docker', 'ctr'):
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    monkeypatch.setattr(snaps, 'revision', lambda _: '1')
    monkeypatch.setattr(snaps, 'version', lambda _: (1, 24, 17))
    return tmp_path


def test_what_containerd_keeps_for_the_kubelet_is_removed_too_where_it_serves_it(machine):
    assert cleaning.containers() == 'docker: Total reclaimed space: 0B; containerd: removed ended'
    assert 'removed sha256:a7a6 my/c@sha256:cfc' in cleaning.images(untagged_only=True)
    deleted = (machine / 'deleted').read_text().splitlines()
    assert deleted == ['containers delete ended', 'images delete --sync sha256:a7a6 my/c@sha256:cfc']


def test_docker_alone_is_asked_where_it_serves_the_kubelet(machine, monkeypatch):
    monkeypatch.setattr(snaps, 'version', lambda _: (1, 23, 17))
    (machine / 'ctr').unlink()
    assert cleaning.containers() == 'Total reclaimed space: 0B'
    assert cleaning.images(untagged_only=False) == 'Total reclaimed space: 0B'


def test_a_containerd_that_does_not_answer_fails_the_action_with_what_it_said(machine):
    (machine / 'ctr').write_text('#!/bin/sh\necho "ctr: failed to dial" >&2; exit 1\n')
    with pytest.raises(Refused, match=r'ctr .*containers list.*: ctr: failed to dial'):
        cleaning.containers()
