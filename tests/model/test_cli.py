"""The command line end to end: charms of a few lines of shell, in real machines, driven by what a user types."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from juju_local import _cli
from juju_local._machine import Machines

HOOKS = {
    'greeter': {
        'install': 'echo out; echo err >&2',
        'config-changed': 'status-set active "says $(config-get greeting)"',
        'db-relation-joined': 'relation-set greeting="$(config-get greeting)"',
        'actions/greet': 'action-set said="$(config-get greeting), $(action-get name)"; echo spoken',
        'actions/refuse': 'action-fail "not today"',
    },
    'listener': {
        'start': 'status-set waiting "nobody spoke"',
        'db-relation-changed': 'heard=$(relation-get greeting); test -n "$heard" && status-set active "heard $heard"',
    },
    'broken': {'start': 'test -e /root/mended || exit 3; status-set active', 'stop': 'exit 4'},
    'slow': {'install': 'sleep 0.5', 'start': 'sleep 0.5', 'config-changed': 'sleep 0.5; status-set active'},
}
METADATA: dict[str, dict[str, Any]] = {
    'greeter': {'provides': {'db': {'interface': 'words'}}, 'resources': {'blob': {'type': 'file', 'filename': 'b'}}},
    'listener': {'requires': {'db': {'interface': 'words'}}},
    'broken': {},
    'slow': {},
}
BUNDLE = """
applications:
  greeter: {charm: ./greeter, num_units: 1, options: {greeting: hello}, resources: {blob: ./bundle.yaml}}
  listener: {charm: ./listener, num_units: 1}
relations: [['greeter:db', 'listener:db']]
"""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Juju = Callable[..., Answer]


@pytest.fixture
def charms(tmp_path: Path, bare_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The charms, as the current directory, and a data folder whose machines are ended after the test."""
    folder = tmp_path / 'charms'
    for name, scripts in HOOKS.items():
        for path, script in scripts.items():
            file = folder / name / (path if '/' in path else f'hooks/{path}')
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'#!/bin/bash\nset -e\n{script}\n')
            file.chmod(0o755)
        (folder / name / 'metadata.yaml').write_text(
            yaml.safe_dump({'name': name, 'series': ['jammy'], **METADATA[name]})
        )
    (folder / 'greeter/config.yaml').write_text('options: {greeting: {type: string, default: hi, description: d}}')
    params = {'name': {'type': 'string', 'default': 'world'}}
    actions = {'greet': {'description': 'Greet.', 'params': params}, 'refuse': {'description': 'Refuse.'}}
    (folder / 'greeter/actions.yaml').write_text(yaml.safe_dump(actions))
    (folder / 'bundle.yaml').write_text(BUNDLE)
    monkeypatch.chdir(folder)
    monkeypatch.setenv('JUJU_LOCAL_DATA', str(tmp_path / 'data'))
    monkeypatch.setenv('JUJU_LOCAL_STORE', str(bare_store))
    monkeypatch.setenv('JUJU_LOCAL_PATIENCE', '0s')
    yield folder
    for model in (tmp_path / 'data').glob('*/model.db'):
        Machines(model.parent, bare_store).destroy()


@pytest.fixture
def juju(charms: Path, capsys: pytest.CaptureFixture[str]) -> Juju:
    def run(*words: str) -> Answer:
        capsys.readouterr()
        code = _cli.run(words)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return run


def test_deploy_tells_what_was_deployed_and_how_long_it_took(juju: Juju) -> None:
    answer = juju('deploy', './greeter', '-n', '2')
    assert answer.code == 0
    assert answer.out.startswith('greeter: 1 application, 2 units, 2 active in ')
    assert 'says hi' in juju('status').out


def test_deploy_names_the_units_that_are_not_active_and_why(juju: Juju) -> None:
    answer = juju('deploy', './listener')
    assert answer.code == 0 and '  listener/0 is waiting: nobody spoke\n' in answer.out
    assert json.loads(juju('wait', '--format', 'json').out)['units']['listener/0']['message'] == 'nobody spoke'


def test_a_unit_in_error_makes_deploy_exit_1_and_resolved_mends_it(juju: Juju) -> None:
    answer = juju('deploy', './broken')
    assert answer.code == 1 and 'broken/0 is error: hook failed: "start"' in answer.out
    assert 'ERROR in error: broken/0' in answer.err and 'juju-local resolved' in answer.err
    unit = json.loads(juju('status', '--format', 'json').out)['applications']['broken']['units']['broken/0']
    assert (unit['workload-status']['current'], unit['juju-status']['current']) == ('error', 'idle')
    assert juju('ssh', 'broken/0', 'touch /root/mended').code == 0
    assert juju('resolved', 'broken/0').code == 0
    assert 'broken/0*  active' in juju('status').out


def test_resolved_no_retry_goes_on_without_the_hook(juju: Juju) -> None:
    juju('deploy', './broken')
    assert juju('resolved', '--no-retry', '--all').code == 0
    assert juju('status', 'error').err == 'Nothing matched specified filter.\n'


def test_a_unit_that_fails_to_the_end_goes_only_by_force(juju: Juju) -> None:
    juju('deploy', './broken')
    juju('remove-unit', 'broken/0')
    assert 'broken/0*  error' in juju('status').out
    assert juju('remove-unit', '--force', 'broken/0').code == 0
    assert json.loads(juju('status', '--format', 'json').out)['machines'] == {}


def test_a_bundle_is_deployed_once_and_then_only_its_difference(juju: Juju, charms: Path) -> None:
    answer = juju('deploy', './bundle.yaml')
    assert answer.code == 0 and '- add relation greeter:db - listener:db' in answer.err
    assert 'heard hello' in juju('status').out
    assert 'No changes to apply.' in juju('deploy', './bundle.yaml').err
    (charms / 'bundle.yaml').write_text(BUNDLE.replace('greeter, num_units: 1', 'greeter, num_units: 2'))
    changed = juju('deploy', './bundle.yaml').err
    assert '- add unit greeter/1 to a new machine' in changed and '- attach resource blob to greeter' in changed
    assert 'deploy application' not in changed


def test_an_exported_bundle_deploys_to_the_same_model(juju: Juju) -> None:
    juju('deploy', './bundle.yaml')
    assert juju('export-bundle', '--filename', 'exported.yaml').code == 0
    assert juju('deploy', '-m', 'again', './exported.yaml').code == 0
    first, again = (yaml.safe_load(juju('export-bundle', '-m', name).out) for name in ('default', 'again'))
    for bundle in (first, again):
        for app in bundle['applications'].values():
            app['charm'], app['resources'] = Path(app['charm']).name, sorted(app.get('resources', {}))
    assert first == again
    assert 'No changes to apply.' in juju('deploy', '-m', 'again', './exported.yaml').err


def test_a_deploy_that_was_killed_goes_on_with_the_next_command(juju: Juju, charms: Path) -> None:
    (charms / 'two.yaml').write_text('applications: {slow: {charm: ./slow, num_units: 2}}')
    command = [sys.executable, '-c', 'from juju_local._cli import main; main()', 'deploy', './two.yaml']
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while 'executing' not in juju('status').out and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    answer = juju('deploy', './two.yaml')
    assert answer.code == 0 and 'No changes to apply.' in answer.err
    assert answer.out.startswith('two.yaml: 1 application, 2 units, 2 active')


def test_a_verb_does_not_wait_for_a_unit_that_was_waiting_before(juju: Juju, monkeypatch: pytest.MonkeyPatch) -> None:
    juju('deploy', './listener')
    monkeypatch.setenv('JUJU_LOCAL_PATIENCE', '300s')
    began = time.monotonic()
    assert juju('expose', 'listener').code == 0
    assert time.monotonic() - began < 300
    monkeypatch.setenv('JUJU_LOCAL_PATIENCE', '1s')
    assert 'these still wait: listener/0' in juju('wait').err


def test_wait_gives_up_when_the_time_is_up(juju: Juju) -> None:
    juju('deploy', '--no-wait', './slow')
    answer = juju('wait', '--timeout', '300ms')
    assert answer.code == 1 and 'timed out' in answer.err
    assert juju('wait').code == 0


def test_an_action_is_run_by_both_spellings(juju: Juju) -> None:
    juju('deploy', './greeter')
    shown = yaml.safe_load(juju('run-action', 'greeter/leader', 'greet', 'name=you', '--wait').out)['unit-greeter-0']
    assert shown['results']['said'] == 'hi, you' and shown['status'] == 'completed'
    answer = juju('run', 'greeter/0', 'greet')
    assert (answer.code, answer.out) == (0, 'said: hi, world\n\nspoken\n')
    assert 'Running operation 3 with 1 task' in answer.err
    assert juju('run-action', 'greeter/0', 'greet').out == 'Action queued with id: "6"\n'
    assert yaml.safe_load(juju('show-action-output', '6').out)['results']['said'] == 'hi, world'


def test_a_failed_action_exits_0_in_the_old_spelling_and_1_in_the_new(juju: Juju) -> None:
    juju('deploy', './greeter')
    old = juju('run-action', 'greeter/0', 'refuse', '--wait=60s')
    assert old.code == 0 and yaml.safe_load(old.out)['unit-greeter-0']['message'] == 'not today'
    new = juju('run', 'greeter/0', 'refuse')
    assert new.code == 1 and 'not today' in new.err


def test_a_command_on_one_unit_has_its_own_streams_and_exit_code(juju: Juju) -> None:
    juju('deploy', './greeter')
    answer = juju('run', '--unit', 'greeter/0', 'echo $JUJU_UNIT_NAME; echo no >&2; exit 7')
    assert answer == Answer(7, 'greeter/0\n', 'no\n')


def test_what_follows_a_target_is_the_programs_own(juju: Juju) -> None:
    juju('deploy', './greeter')
    assert juju('ssh', 'greeter/0', 'test', '-n', '-v', '-a', '--help', '=', '--help').code == 0
    assert juju('ssh', 'greeter/0', 'exit', '7').code == 7
    assert juju('ssh', 'greeter/0', '--', 'exit', '7').code == 7
    assert juju('run', '--unit', 'greeter/0', 'echo', '-n', '--format', 'x').out == '--format x'
    assert juju('exec', '-u', 'greeter/0', 'relation-ids', '--format', 'json', 'none').out == '[]\n'
    assert json.loads(juju('run', '--unit', 'greeter/0', 'echo one', '--format', 'json').out)[0]['Stdout'] == 'one\n'


def test_a_command_on_an_application_runs_in_the_hook_context_of_each_unit(juju: Juju) -> None:
    juju('deploy', './greeter', '-n', '2')
    answer = juju('run', '--application', 'greeter', 'open-port', '30510/tcp')
    assert answer.code == 0
    assert yaml.safe_load(answer.out) == [{'Stdout': '', 'UnitId': f'greeter/{number}'} for number in (0, 1)]
    assert juju('status').out.count('30510/tcp') == 2
    shown = json.loads(juju('exec', '--all', '--format', 'json', 'opened-ports').out)
    assert shown['greeter/1']['results'] == {'return-code': 0, 'stdout': '30510/tcp\n'}


def test_the_log_tells_what_hooks_said(juju: Juju) -> None:
    juju('deploy', './greeter')
    assert juju('debug-log', '--replay', '-i', 'greeter/0', '-l', 'WARNING').out.endswith(
        'WARNING unit.greeter/0.install err\n'
    )
    assert juju('debug-log', '-n', '1', '--include-module', 'unit.greeter/0.install').out.count('\n') == 1


def test_configuration_leadership_and_units_change_while_it_runs(juju: Juju) -> None:
    juju('deploy', './greeter')
    assert juju('config', 'greeter', 'greeting=ahoy').code == 0
    assert 'says ahoy' in juju('status').out
    assert juju('add-unit', 'greeter', '-n', '2').code == 0
    assert juju('set-leader', 'greeter', 'greeter/2').code == 0
    assert 'greeter/2*' in juju('status').out
    assert juju('remove-unit', 'greeter/0').code == 0
    status = json.loads(juju('status', '--format', 'json').out)
    assert list(status['applications']['greeter']['units']) == ['greeter/1', 'greeter/2']
    assert list(status['machines']) == ['1', '2']


def test_files_go_into_a_machine_and_out_again(juju: Juju, charms: Path) -> None:
    juju('deploy', './greeter')
    assert juju('scp', 'bundle.yaml', 'greeter/0:/root/there').code == 0
    assert juju('scp', 'greeter/0:there', 'back').code == 0
    assert juju('scp', 'greeter/0:/var/lib/juju/agents/unit-greeter-0/charm', 'folder', '-r').code == 0
    assert (charms / 'folder/hooks/install').exists()
    assert (charms / 'back').read_text() == BUNDLE
    assert juju('scp', 'greeter/0:there', 'folder').code == 0
    assert (charms / 'folder/there').read_text() == BUNDLE
    assert juju('scp', 'greeter/0:/nowhere', 'back').code == 1
    assert 'cannot write /nowhere/back' in juju('scp', 'greeter/0:there', '/nowhere/back').err
    assert (charms / 'back').read_text() == BUNDLE


def test_results_go_to_stdout_and_nothing_else_does(juju: Juju) -> None:
    assert juju('deploy', '-q', './greeter').err == ''
    loud = juju('add-unit', '-v', 'greeter')
    assert loud.out == '' and 'greeter/1: install (' in loud.err


def test_a_destroyed_model_leaves_nothing_behind(juju: Juju, tmp_path: Path) -> None:
    juju('deploy', './greeter')
    pids = [int(path.read_text().split()[0]) for path in (tmp_path / 'data/default/run').glob('*.pid')]
    assert len(pids) == 2  # a machine and the network
    assert juju('destroy-model', '--yes').code == 0
    assert not (tmp_path / 'data/default').exists()
    assert not [pid for pid in pids if is_alive(pid)]


def is_alive(pid: int) -> bool:
    """A zombie that this system's PID 1 has not reaped yet is dead."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] not in 'ZX'
    except FileNotFoundError:
        return False


def test_a_model_keeps_its_store(juju: Juju, tmp_path: Path) -> None:
    assert juju('deploy', './greeter').code == 0
    answer = juju('deploy', './listener', '--store', 'stand-ins')
    assert answer.code == 1
    assert f'has its programs from the store {tmp_path}/store, not from stand-ins' in answer.err


def test_a_store_that_is_not_there_is_refused_before_anything_is_made(
    juju: Juju, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    answer = juju('deploy', './greeter', '--store', 'real')
    assert answer.code == 1
    assert '`juju-local store build` makes it' in answer.err
    assert juju('models').out == ''


def test_a_model_whose_store_is_gone_is_destroyed_all_the_same(juju: Juju, tmp_path: Path) -> None:
    assert juju('deploy', './greeter').code == 0
    (tmp_path / 'store').rename(tmp_path / 'elsewhere')
    try:
        assert juju('deploy', './listener').code == 1
        answer = juju('destroy-model', '--yes')
    finally:
        (tmp_path / 'elsewhere').rename(tmp_path / 'store')
    assert answer.code == 0
    assert 'default' not in juju('models').out
