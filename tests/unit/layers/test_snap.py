"""The door to snapd, against a snapd with a memory."""

import sys
import time

import pytest

SNAPD = f"""#!{sys.executable} -IS
import json, os, sys
path = os.path.join(os.environ['HOME'], 'snapd.json')
state = json.load(open(path)) if os.path.exists(path) else {{'calls': [], 'snaps': {{}}, 'failures': 0}}
words = sys.argv[1:]
state['calls'].append(words)
names = [word for word in words[1:] if not word.startswith('--')]
code = 0
if state['failures'] and words[0] in ('install', 'refresh'):
    state['failures'] -= 1
    code = 1
    print('error: the store is not reachable')
elif words[0] in ('install', 'refresh'):
    state['snaps'][names[0].rpartition('/')[2]] = words
elif words[0] == 'remove':
    state['snaps'].pop(names[0])
elif words[0] == 'list':
    print('Name Version Rev Tracking Publisher Notes')
    for name in state['snaps']:
        print(name, '1.12.10', '7', '1.12/stable', 'canonical', '-')
elif words[0] == 'info':
    print('name: x\\ntracking: 1.12/stable')
json.dump(state, open(path, 'w'))
sys.exit(code)
"""
HANDLERS = """
import json, os
from charms.layer import snap
from charms.reactive import get_flags, hook
snap.PAUSE_S = 0

@hook('update-status')
def act():
    result = eval(open('../code').read())
    open('../result', 'w').write(json.dumps([result, [f for f in get_flags() if f.startswith('snap.')]]))
"""


@pytest.fixture
def run(assemble):
    """Return a function that evaluates code in a hook; it returns the value, the snap flags and snapd's calls."""
    import json

    charm = assemble('snap', handlers=HANDLERS)
    above = charm.directory.parent
    (above / 'programs/snap').write_text(SNAPD)
    (above / 'programs/snap').chmod(0o755)
    charm.write('metadata.yaml', 'name: small\nresources:\n  kubelet: {type: file, filename: kubelet.snap}\n')

    def running(code, check=True, failures=0):
        before = json.loads((above / 'snapd.json').read_text()) if (above / 'snapd.json').exists() else {'snaps': {}}
        (above / 'snapd.json').write_text(json.dumps({'calls': [], 'snaps': before['snaps'], 'failures': failures}))
        (above / 'code').write_text(code)
        done = charm.run(check=check)
        calls = [call for call in json.loads((above / 'snapd.json').read_text())['calls'] if call[0] != 'list']
        if done.returncode:
            return done.stderr, [], calls
        return *json.loads((above / 'result').read_text()), calls

    running.charm = charm
    return running


def test_a_snap_comes_from_its_channel_and_its_flag_is_set(run):
    _, flags, calls = run("snap.install('kubectl', channel='1.12/stable', classic=True)")
    assert calls == [['install', '--classic', '--channel=1.12/stable', 'kubectl']]
    assert flags == ['snap.installed.kubectl']
    assert run("snap.get_installed_channel('kubectl')")[0] == '1.12/stable'


def test_a_resource_is_preferred_to_the_store_unless_it_is_empty(run):
    file = run.charm.write('kubelet', 'a snap')
    run.charm.change(resources={'kubelet': str(file)})
    assert run("snap.install('kubelet', channel='1.12/stable', classic=True)")[2] == [
        ['install', '--classic', '--dangerous', str(file)]
    ]
    file.write_text('')
    assert run("snap.install('kubelet', channel='1.13/stable')")[2] == [
        ['refresh', '--amend', '--channel=1.13/stable', 'kubelet']
    ]


def test_a_store_that_fails_is_asked_three_times(run):
    assert len(run("snap.install('kubectl')", failures=2)[2]) == 3
    said, _, calls = run("snap.install('helm')", failures=9, check=False)
    assert len(calls) == 3
    assert 'CalledProcessError' in said


def test_a_removed_snap_loses_its_flag(run):
    run("snap.install('kubectl')")
    assert run("snap.remove('kubectl')")[1] == []
    assert run("snap.is_installed('kubectl')")[0] is False


def test_options_are_set_at_once_and_none_removes(run):
    calls = run("snap.set_all('kubelet', {'v': 0, 'gone': None})")[2]
    assert calls == [['set', 'kubelet', 'gone=null', 'v=0']]


@pytest.mark.parametrize(
    ('day', 'timer'),
    [((2018, 11, 9), 'thu2'), ((2018, 11, 1), 'wed5'), ((2018, 12, 1), 'fri5'), ((2019, 1, 8), 'mon1')],
)
def test_the_latest_timer_is_yesterdays_weekday_of_the_month(run, day, timer):
    moment = time.struct_time((*day, 12, 0, 0, 0, 0, 0))
    assert run(f"snap.latest_refresh_timer(__import__('time').struct_time({tuple(moment)}))")[0] == timer
