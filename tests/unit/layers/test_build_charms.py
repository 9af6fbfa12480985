"""What lands in a built charm. Reads build/ when there is one (`make charms`), and the parts of the build itself."""

import importlib.machinery
import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOP = {
    '.build.manifest',
    'README.md',
    'actions',
    'actions.yaml',
    'config.yaml',
    'copyright',
    'hooks',
    'icon.svg',
    'layer.yaml',
    'lib',
    'metadata.yaml',
    'reactive',
    'templates',
    'version',
    'wheelhouse',
    'wheelhouse.txt',
    'wheelhouse-constraints.txt',
}
# a name anywhere in a charm that is somebody else's
FOREIGN = {'tests', 'docs', 'packages', 'companions', 'interfaces', 'layers', 'tox.ini', '.git', '.venv'}


@pytest.fixture(scope='module')
def build_charms():
    loader = importlib.machinery.SourceFileLoader('build_charms', str(ROOT / 'tools/build-charms'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


@pytest.mark.parametrize('name', ['kubernetes-worker', 'kubernetes-master'])
def test_nothing_foreign_lands_in_a_built_charm(name):
    charm = ROOT / 'build' / name
    if not charm.is_dir():
        pytest.skip('build/ is made by `make charms`')
    files = [path.relative_to(charm) for path in charm.rglob('*') if path.is_file()]
    assert {path.parts[0] for path in files} <= TOP
    assert [path for path in files if FOREIGN & set(path.parts) or path.name.startswith('test_')] == []
    assert [path for path in files if path.suffix in ('.pyc', '.orig', '.coverage')] == []
    assert {path.parts[1] for path in files if path.parts[0] == 'lib'} <= {'charms', '.gitkeep'}
    assert {'install', 'config-changed', 'start', 'stop', 'upgrade-charm', 'update-status'} <= {
        path.name for path in files if path.parts[0] == 'hooks'
    }


@pytest.mark.parametrize('name', ['kubernetes-worker', 'kubernetes-master'])
def test_every_wheel_of_a_charm_fits_any_machine(name):
    wheelhouse = ROOT / 'build' / name / 'wheelhouse'
    if not wheelhouse.is_dir():
        pytest.skip('build/ is made by `make charms`')
    wheels = [path.name for path in wheelhouse.iterdir()]
    assert wheels
    assert [wheel for wheel in wheels if not wheel.endswith('-none-any.whl')] == []


@pytest.mark.parametrize('name', ['kubernetes-worker', 'kubernetes-master'])
def test_a_charm_brings_the_library_that_it_asks_the_api_server_with(name):
    wheelhouse = ROOT / 'build' / name / 'wheelhouse'
    if not wheelhouse.is_dir():
        pytest.skip('build/ is made by `make charms`')
    assert len(list(wheelhouse.glob('aioclustermanager-*.whl'))) == 1


def test_the_wheel_of_our_library_can_be_unpacked_and_used_and_is_named_by_its_content(build_charms, tmp_path):
    library = 'packages/aioclustermanager'
    files = build_charms.library_files(library, build_charms.committed())
    wheel = build_charms.library_wheel(library, files, tmp_path)
    assert build_charms.library_wheel(library, files[:-1], tmp_path).name != wheel.name
    packages = tmp_path / 'packages'
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    program = 'import aioclustermanager.kubernetes as found; print(found.__file__)'
    command = [sys.executable, '-S', '-c', f'import sys; sys.path.insert(0, {str(packages)!r}); {program}']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == packages / 'aioclustermanager/kubernetes/__init__.py'


def test_a_wheel_loses_its_compiled_parts_and_nothing_else(build_charms, tmp_path):
    wheel = tmp_path / 'thing-1.0-cp311-cp311-linux_x86_64.whl'
    with zipfile.ZipFile(wheel, 'w') as archive:
        archive.writestr('thing/__init__.py', 'VALUE = 1\n')
        archive.writestr('thing/fast.cpython-311-x86_64-linux-gnu.so', 'machine code')
        archive.writestr('thing-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n')
        archive.writestr(
            'thing-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-x\n'
        )
        archive.writestr('thing-1.0.dist-info/RECORD', '')
    build_charms.purify(wheel)
    pure = tmp_path / 'thing-1.0-py3-none-any.whl'
    assert [path.name for path in tmp_path.iterdir()] == [pure.name]
    command = [
        sys.executable,
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-index',
        '--no-deps',
        '--target',
        'in',
        str(pure),
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / 'in/thing/__init__.py').read_text() == 'VALUE = 1\n'
    assert not list(tmp_path.glob('in/thing/*.so'))


def test_the_digest_sees_names_contents_and_modes(build_charms, tmp_path):
    one = tmp_path / 'one'
    one.write_text('a')
    seen = {build_charms.digest([one], tmp_path)}
    one.write_text('b')
    seen.add(build_charms.digest([one], tmp_path))
    one.chmod(0o755)
    seen.add(build_charms.digest([one], tmp_path))
    seen.add(build_charms.digest([one.rename(tmp_path / 'two')], tmp_path))
    assert len(seen) == 4


def test_a_charm_takes_the_place_of_the_last_one(build_charms, tmp_path):
    for name in ('new', 'old'):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    build_charms.replace(tmp_path / 'new', tmp_path / 'old')
    assert [path.name for path in (tmp_path / 'old').iterdir()] == ['new']
    assert sorted(path.name for path in tmp_path.iterdir()) == ['new', 'old']


def test_a_failed_program_is_shown_with_what_it_said(build_charms):
    with pytest.raises(build_charms.Failed, match=r'sh -c .* ended with 3:\nwhy'):
        build_charms.run(['sh', '-c', 'echo why; exit 3'])
