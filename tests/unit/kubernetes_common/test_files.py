import os
import pwd
import stat

import pytest
from charms.layer.kubernetes_common import files

ME = pwd.getpwuid(os.geteuid()).pw_name


def test_a_file_is_written_once_and_then_left_alone(tmp_path):
    path = tmp_path / 'a' / 'token'
    assert files.write(path, 'x', owner=ME) is True
    before = path.stat()
    assert files.write(path, 'x', owner=ME) is False
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize('mode', [0o600, 0o644, 0o440])
def test_the_mode_is_the_one_asked_for_whatever_the_umask(tmp_path, mode):
    old = os.umask(0o077)
    try:
        files.write(tmp_path / 'f', 'x', mode, owner=ME)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / 'f').stat().st_mode) == mode


def test_a_wrong_mode_is_mended(tmp_path):
    files.write(tmp_path / 'f', 'x', owner=ME)
    (tmp_path / 'f').chmod(0o644)
    assert files.write(tmp_path / 'f', 'x', owner=ME) is True
    assert stat.S_IMODE((tmp_path / 'f').stat().st_mode) == 0o600


def test_a_secret_is_never_readable_by_others_while_it_is_written(tmp_path, monkeypatch):
    seen = []

    def fsync(handle):
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(os, 'fsync', fsync)
    files.write(tmp_path / 'f', 'secret', owner=ME)
    assert seen[0] == 0o600


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    files.write(tmp_path / 'f', 'old', owner=ME)

    def full(handle):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match='disk full'):
        files.write(tmp_path / 'f', 'new', owner=ME)
    assert [path.name for path in tmp_path.iterdir()] == ['f']
    assert (tmp_path / 'f').read_text() == 'old'


def test_reading_and_removing_a_file_that_is_not_there_is_fine(tmp_path):
    assert files.read(tmp_path / 'none') == ''
    assert files.remove(tmp_path / 'none') is False
