"""A registry's storage, written without a registry."""

import gzip
import hashlib
import io
import json
import os
import tarfile

import pytest
from juju_local._real_store._registry import Registry


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / 'tree'
    (folder / 'bin').mkdir(parents=True)
    (folder / 'bin/program').write_text('#!/bin/sh\n')
    (folder / 'bin/program').chmod(0o755)
    (folder / 'bin/alias').symlink_to('program')
    return folder


def blob(folder, digest):
    name = digest.partition(':')[2]
    data = (folder / 'docker/registry/v2/blobs/sha256' / name[:2] / name / 'data').read_bytes()
    assert hashlib.sha256(data).hexdigest() == name
    return data


def tagged(folder, repository, tag):
    link = folder / 'docker/registry/v2/repositories' / repository / '_manifests/tags' / tag / 'current/link'
    return json.loads(blob(folder, link.read_text()))


def test_an_image_is_found_under_all_its_names_with_blobs_that_are_what_they_say(tmp_path, tree):
    registry = Registry(tmp_path / 'registry')
    layer = registry.add_layer(tree, {})
    registry.add_image([('one', '1'), ('cdk/one', 'latest')], [layer], {'Cmd': ['program']})
    manifest = tagged(tmp_path / 'registry', 'one', '1')
    assert tagged(tmp_path / 'registry', 'cdk/one', 'latest') == manifest
    config = json.loads(blob(tmp_path / 'registry', manifest['config']['digest']))
    assert config['config'] == {'Cmd': ['program']}
    packed = blob(tmp_path / 'registry', manifest['layers'][0]['digest'])
    assert len(packed) == manifest['layers'][0]['size']
    raw = gzip.decompress(packed)
    assert config['rootfs']['diff_ids'] == [f'sha256:{hashlib.sha256(raw).hexdigest()}']
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert archive.getnames() == ['bin', 'bin/alias', 'bin/program']
        assert archive.getmember('bin/alias').linkname == 'program'
        assert (archive.getmember('bin/program').mode, archive.getmember('bin/program').uid) == (0o755, 0)


def test_the_same_files_make_the_same_layer_whenever_they_were_written(tmp_path, tree):
    first = Registry(tmp_path / 'a').add_layer(tree, {})
    os.utime(tree / 'bin/program', (0, 0))
    assert Registry(tmp_path / 'b').add_layer(tree, {}).digest == first.digest


def test_a_file_may_grant_a_capability(tmp_path, tree):
    registry = Registry(tmp_path / 'registry')
    layer = registry.add_layer(tree, {'bin/program': 1 << 10})
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(tmp_path / 'registry', layer.digest)))) as archive:
        headers = archive.getmember('bin/program').pax_headers
        assert archive.getmember('bin/alias').pax_headers == {}
    # struct vfs_cap_data of linux/capability.h: revision 2 with the effective bit, then permitted and inheritable
    value = headers['SCHILY.xattr.security.capability'].encode()
    assert value == bytes.fromhex('0100000200040000000000000000000000000000')
