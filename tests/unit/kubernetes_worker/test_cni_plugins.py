import io
import tarfile

import pytest
from charms.layer.kubernetes_common import records
from charms.layer.kubernetes_worker import cni_plugins


@pytest.fixture(autouse=True)
def record(tmp_path, monkeypatch):
    monkeypatch.setattr(records, 'ROOT', tmp_path / 'records')
    monkeypatch.setattr('pwd.getpwnam', lambda _: type('Account', (), {'pw_uid': -1, 'pw_gid': -1}))


def archive(path, members):
    with tarfile.open(path, 'w:gz') as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_plugins_are_put_beside_those_of_others_and_are_executable(tmp_path):
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin/flannel').write_text('other')
    assert cni_plugins.unpack(archive(tmp_path / 'a.tgz', {'./bridge': b'b', 'loopback': b'l'}), tmp_path / 'bin')
    assert sorted(path.name for path in (tmp_path / 'bin').iterdir()) == ['bridge', 'flannel', 'loopback']
    assert (tmp_path / 'bin/bridge').stat().st_mode & 0o777 == 0o755


def test_the_same_archive_is_unpacked_once(tmp_path):
    path = archive(tmp_path / 'a.tgz', {'bridge': b'b'})
    assert cni_plugins.unpack(path, tmp_path / 'bin') is True
    assert cni_plugins.unpack(path, tmp_path / 'bin') is False


@pytest.mark.parametrize('cut', [0, 10, -20], ids=['empty', 'head', 'nearly all'])
def test_fm_57_a_truncated_archive_is_refused_and_leaves_the_old_plugins(tmp_path, cut):
    good = archive(tmp_path / 'a.tgz', {'bridge': b'old'})
    cni_plugins.unpack(good, tmp_path / 'bin')
    bad = tmp_path / 'b.tgz'
    bad.write_bytes(archive(tmp_path / 'c.tgz', {'bridge': bytes(range(256)) * 500}).read_bytes()[:cut])
    with pytest.raises(cni_plugins.Unusable, match='is no complete tar archive'):
        cni_plugins.unpack(bad, tmp_path / 'bin')
    assert (tmp_path / 'bin/bridge').read_bytes() == b'old'


def test_an_archive_cannot_write_elsewhere(tmp_path):
    cni_plugins.unpack(archive(tmp_path / 'a.tgz', {'../../evil': b'x'}), tmp_path / 'bin')
    assert (tmp_path / 'bin/evil').exists() and not (tmp_path.parent / 'evil').exists()


def test_an_archive_without_plugins_is_refused(tmp_path):
    with pytest.raises(cni_plugins.Unusable, match='holds no plugin'):
        cni_plugins.unpack(archive(tmp_path / 'a.tgz', {}), tmp_path / 'bin')
