"""Which libraries a program needs, read from the file itself."""

import shutil
import subprocess
import sys
from pathlib import Path

from juju_local._real_store import _elf


def test_a_programs_libraries_are_those_the_loader_takes(tmp_path):
    program = Path('/usr/bin/python3').resolve()
    said = subprocess.run(['/usr/bin/ldd', program], capture_output=True, text=True, check=True).stdout
    needed = _elf.needed(program)
    assert 'libc.so.6' in needed
    assert set(needed) <= {line.split()[0] for line in said.splitlines()}


def test_what_is_no_program_needs_nothing(tmp_path):
    (tmp_path / 'script').write_text('#!/bin/sh\n')
    assert _elf.needed(tmp_path / 'script') == []
    (tmp_path / 'empty').touch()
    assert _elf.needed(tmp_path / 'empty') == []


def test_a_library_that_neither_the_tree_nor_others_have_is_missing(tmp_path):
    shutil.copy(Path(sys.executable).resolve(), tmp_path / 'program')
    lacking = _elf.missing(tmp_path, ())['program']
    assert 'libc.so.6' in lacking
    assert _elf.missing(tmp_path, (), frozenset(lacking)) == {}
    (tmp_path / 'lib').mkdir()
    for name in lacking:
        (tmp_path / 'lib' / name).touch()
    assert _elf.missing(tmp_path, ('lib',)) == {}
