"""The archive of the action debug: what it asks, and that nothing it meets makes it fail."""

import re
import tarfile

from charms.layer.kubernetes_common import debug


def unpacked(path):
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive.getmembers()}


def test_the_archive_holds_what_each_command_said_also_of_those_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(debug, 'FOLDER', tmp_path / 'home')
    asked = {'good': ['echo', 'well'], 'bad': ['sh', '-c', 'echo oh >&2; exit 3'], 'none': ['/no/such/program']}
    path = debug.archive(asked)
    found = unpacked(path)
    assert (found['good.txt'], found['bad.txt']) == ('well\n', 'oh\n')
    assert 'No such file' in found['none.txt']
    assert re.fullmatch(r'debug-\d{14}\.tar\.gz', path.name)


def test_every_service_is_asked_for_its_state_and_its_log_and_no_file_is_read():
    asked = debug.commands(['snap.kubelet.daemon', 'docker'])
    assert {'docker-status', 'docker-log', 'snap-kubelet-daemon-status', 'snap-kubelet-daemon-log'} <= set(asked)
    assert not {'cat', 'cp', 'tar'} & {command[0] for command in asked.values()}
