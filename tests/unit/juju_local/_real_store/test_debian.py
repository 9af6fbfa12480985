"""Which of a machine's sources of packages the store is built from."""

from __future__ import annotations

import pytest
from juju_local._real_store import _debian
from juju_local._real_store._workshop import Workshop

DEB822 = """\
# the machine's own
Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
"""
ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb [signed-by=/k.gpg] http://deb.debian.org/debian bookworm main contrib
deb http://deb.debian.org/debian-security bookworm-security main
deb http://deb.debian.org/debian trixie main
deb-src http://deb.debian.org/debian bookworm main
"""


def test_entries_of_the_suite_are_taken_with_their_sources_and_keys_and_others_are_not():
    found = _debian.own_sources(
        {'debian.sources': DEB822, 'sources.list': ONE_LINE, 'node.list': 'deb http://n x main'}
    )
    assert found['machine.list'].splitlines() == [
        'deb [signed-by=/k.gpg] http://deb.debian.org/debian bookworm main contrib',
        'deb-src [signed-by=/k.gpg] http://deb.debian.org/debian bookworm main contrib',
        'deb http://deb.debian.org/debian-security bookworm-security main',
        'deb-src http://deb.debian.org/debian-security bookworm-security main',
    ]
    assert 'Types: deb deb-src\nURIs: http://deb.debian.org/debian\nSuites: bookworm' in found['debian.sources']
    assert 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' in found['debian.sources']
    assert 'trixie' not in found['debian.sources']


def test_a_machine_without_the_suite_has_none():
    assert _debian.own_sources({'ubuntu.sources': DEB822.replace('bookworm', 'jammy'), 'sources.list': ''}) == {}


def test_a_package_is_unpacked_as_on_a_machine_whose_bin_is_usr_bin(tmp_path):
    package = tmp_path / 'package'
    (package / 'DEBIAN').mkdir(parents=True)
    (package / 'DEBIAN/control').write_text(
        'Package: tool\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: n <n@n>\nDepends: libc6 (>= 2), x | y\n'
        'Description: does things\n and more of them\n'
    )
    (package / 'sbin').mkdir()
    (package / 'sbin/tool').write_text('#!/bin/sh\n')
    shop = Workshop(tmp_path / 'work', lambda text: None)
    shop.run('pack', ['dpkg-deb', '--build', '--root-owner-group', package, tmp_path / 'tool.deb'])
    debian = _debian.Debian(shop)
    debian.unpack(tmp_path / 'tool.deb', tmp_path / 'tree')
    assert (tmp_path / 'tree/usr/sbin/tool').read_text() == '#!/bin/sh\n'
    assert not (tmp_path / 'tree/sbin').exists()
    fields = debian.fields(tmp_path / 'tool.deb')
    assert (fields['Version'], fields['Description']) == ('1:2.0-1', 'does things')
    assert fields['Depends'] == 'libc6 (>= 2), x | y'


def test_a_package_that_is_none_is_told(tmp_path):
    (tmp_path / 'tool.deb').write_text('no package')
    with pytest.raises(_debian.BuildError, match=r'dpkg-deb: dpkg-deb --extract .* ended with 2'):
        _debian.Debian(Workshop(tmp_path, lambda text: None)).unpack(tmp_path / 'tool.deb', tmp_path / 'tree')
