"""What the first command says on a machine that lacks something, before it builds anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[3] / 'tools/check-host'
ALWAYS_THERE = ('bash', 'env', 'id', 'sort', 'tr')
NEEDED = ('git', 'nsenter', 'openssl', 'perl', 'dpkg-deb', 'python3')


def check(tmp_path: Path, programs: tuple[str, ...], python: str = 'python3') -> subprocess.CompletedProcess[str]:
    """Run the check where only `programs` are (and what /usr/sbin holds), without an apt-get."""
    for name in (*ALWAYS_THERE, *programs):
        where = shutil.which(name, path='/usr/bin:/bin')
        assert where, name
        (tmp_path / name).symlink_to(where)
    command = ['/bin/bash', str(CHECK), python]
    return subprocess.run(command, env={'PATH': str(tmp_path)}, capture_output=True, text=True, timeout=60)


def test_a_machine_with_everything_passes_in_silence(tmp_path):
    done = check(tmp_path, (*NEEDED, 'ip'))
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


@pytest.mark.parametrize('program, package', [('openssl', 'openssl'), ('git', 'git'), ('nsenter', 'util-linux')])
def test_what_is_missing_is_named_with_the_command_that_brings_it(tmp_path, program, package):
    done = check(tmp_path, (*(name for name in NEEDED if name != program), 'ip'))
    assert done.returncode == 1
    assert f'lacks {package} ' in done.stderr
    assert f'apt-get install --yes {package}\n' in done.stderr


def test_a_python_that_is_too_old_is_refused_by_its_version(tmp_path):
    old = tmp_path / 'old-python'
    old.write_text('#!/bin/bash\n[ "$1" = --version ] && echo Python 3.9.2\n[ "${2#*version_info}" = "$2" ]\n')
    old.chmod(0o755)
    done = check(tmp_path, (*NEEDED, 'ip'), python=str(old))
    assert done.returncode == 1
    assert 'Python 3.9.2 is too old, 3.10 is needed' in done.stderr
