"""The first and every further hook of a charm."""

import textwrap
import zipfile

HANDLERS = """
from charms.reactive import get_flags, hook
from charmhelpers.core import hookenv

@hook('update-status', 'config-changed')
def tell():
    flags = [flag for flag in get_flags() if flag.startswith('config.')]
    open('../flags', 'a').write(' '.join(flags) + chr(10))
"""


def seen(charm):
    return [line.split() for line in (charm.directory.parent / 'flags').read_text().splitlines()]


def test_flags_say_what_is_set_at_its_default_and_changed(assemble):
    charm = assemble(handlers=HANDLERS)
    charm.run()
    charm.run()
    charm.change(config={'colour': ''})
    charm.run()
    assert seen(charm) == [
        ['config.changed', 'config.changed.colour', 'config.default.colour', 'config.set.colour'],
        ['config.default.colour', 'config.set.colour'],
        ['config.changed', 'config.changed.colour'],
    ]


def test_a_hook_that_fails_sees_its_change_again(assemble):
    charm = assemble(handlers=HANDLERS)
    charm.run()
    charm.change(config={'colour': 'blue'})
    charm.write('reactive/other.py', "from charms.reactive import when\n@when('config.changed')\ndef fail(): 1 / 0\n")
    assert charm.run(check=False).returncode == 1
    charm.write('reactive/other.py', '')
    charm.run()
    assert seen(charm)[-1] == ['config.changed', 'config.changed.colour', 'config.set.colour']


def test_a_flag_is_seen_as_soon_as_it_was_set_or_cleared(assemble):
    code = """
    from charms.reactive import all_flags_set, any_flags_set, clear_flag, is_flag_set, set_flag, when_not
    @when_not('done')
    def look():
        seen = [is_flag_set('x')]
        set_flag('x')
        seen.append(is_flag_set('x') and all_flags_set('x') and any_flags_set('x', 'y'))
        clear_flag('x')
        seen.append(is_flag_set('x'))
        assert seen == [False, True, False], seen
        set_flag('done')
    """
    charm = assemble(handlers=textwrap.dedent(code))
    assert 'look' in charm.run().stdout
    assert 'look' not in charm.run().stdout


def test_a_quiet_hook_asks_only_for_the_options(assemble):
    charm = assemble()
    charm.run()
    charm.run()
    assert [call[0] for call in charm.state()['calls']] == ['config-get']


def test_which_handlers_ran_is_printed_and_what_failed_is_logged(assemble):
    charm = assemble(handlers="from charms.reactive import when_not\n@when_not('x')\ndef fail(): 1 / 0\n")
    done = charm.run(check=False)
    assert 'Invoking reactive handler: reactive/' in done.stdout
    (error,) = charm.calls('juju-log')
    assert error[:2] == ['-l', 'ERROR']
    assert 'ZeroDivisionError' in error[2]


def test_an_endpoint_without_interface_layer_is_no_error(assemble):
    charm = assemble()
    charm.write('metadata.yaml', 'name: small\nrequires:\n  aws: {interface: aws-integration}\n')
    charm.run()
    assert not [call for call in charm.calls('juju-log') if 'ERROR' in call]


def test_the_first_hook_unpacks_the_wheelhouse_and_an_upgrade_replaces_it(assemble):
    charm = assemble(wheelhouse=True)
    _wheel(charm, 'one')
    code = "from charms.layer import _wheelhouse as w; print(w.converge('wheelhouse', '../.venv'))"
    packages = [_python(charm, code), _python(charm, code)]
    assert packages[0] == packages[1]
    assert _python(charm, 'import small; print(small.NAME)', packages[0]) == 'one'
    inode = (charm.directory.parent / '.venv').stat().st_ino
    _python(charm, code)
    assert (charm.directory.parent / '.venv').stat().st_ino == inode, 'a wheelhouse that is the same is left alone'
    _wheel(charm, 'another')
    _python(charm, code)
    assert _python(charm, 'import small; print(small.NAME)', packages[0]) == 'another'
    assert not [path for path in charm.directory.parent.glob('.venv*') if path.name != '.venv']


def _python(charm, code, packages=''):
    import subprocess
    import sys

    environment = {'PYTHONPATH': f'{charm.directory}/lib:{packages}', 'PATH': '/usr/bin:/bin'}
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=charm.directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _wheel(charm, name):
    (charm.directory / 'wheelhouse').mkdir(exist_ok=True)
    with zipfile.ZipFile(charm.directory / 'wheelhouse/small-1-py3-none-any.whl', 'w') as archive:
        archive.writestr('small.py', f'NAME = {name!r}\n')
        archive.writestr('small-1.data/scripts/small', 'not wanted')
