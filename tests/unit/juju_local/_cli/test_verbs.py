"""Every verb: that it explains itself, that misuse is told as misuse, and what it answers."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from juju_local import _cli
from juju_local._cli._verb import MODULES, cli

Juju = Callable[..., Any]


def test_the_table_of_verbs_is_what_the_modules_declare() -> None:
    families = {module: {name for name, its in MODULES.items() if its == module} for module in MODULES.values()}
    found: dict[str, set[str]] = {}
    for file in Path(_cli.__file__).parent.glob('_*.py'):
        importlib.import_module(f'juju_local._cli.{file.stem}'.removesuffix('.__init__'))
    for name, command in cli.commands.items():
        found.setdefault(inspect.unwrap(command.callback).__module__.rpartition('.')[2], set()).add(name)  # type: ignore[arg-type]
    assert found == {**families, '_verb': {'help'}}


def test_a_verb_that_only_looks_loads_nothing_that_runs_hooks(tmp_path: Path) -> None:
    script = 'import sys; from juju_local._cli import run; run(["status"]); print([*sys.modules])'
    environment = {**os.environ, 'JUJU_LOCAL_DATA': str(tmp_path)}
    command = [sys.executable, '-c', script]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    assert "'juju_local._db'" in loaded
    assert [name for name in ('_engine', '_machine', '_charm') if f"'juju_local.{name}'" in loaded] == []


@pytest.mark.parametrize('verb', sorted(MODULES))
def test_every_verb_explains_itself(juju: Juju, verb: str) -> None:
    answer = juju(verb, '--help')
    assert answer.code == 0 and answer.err == ''
    assert answer.out.startswith(f'Usage: juju-local {verb}') and '--model' in answer.out


@pytest.mark.parametrize('line', ['', 'help', '--help'])
def test_without_a_verb_all_verbs_are_listed(juju: Juju, line: str) -> None:
    answer = juju(*line.split())
    assert answer.code == 0 and '  add-unit ' in answer.out and '  integrate ' not in answer.out
    assert juju('help', 'integrate').out == juju('integrate', '--help').out


# What is misused, and the words that say so.
MISUSED = [
    ('add-unit', 'no application specified'),
    ('add-unit alpha -n 0', '0 is not in the range'),
    ('add-unit alpha beta', "unrecognized args: ['beta']"),
    ('remove-unit', 'no units specified'),
    ('remove-unit alpha', "invalid unit name 'alpha'"),
    ('status --froboz', 'option provided but not defined: --froboz'),
    ('status --format xml', "'xml' is not one of"),
    ('config', 'no application specified'),
    ('config alpha a b', 'can only retrieve a single value, or all values'),
    ('config alpha a b=c', 'cannot set and retrieve values simultaneously'),
    ('config alpha a --reset b', 'cannot reset and retrieve values simultaneously'),
    ('config alpha a=b --file x', 'cannot specify --file and key=value arguments simultaneously'),
    ('config alpha --reset a=b', '--reset accepts a comma delimited set of keys'),
    ('config alpha a=1 a=2', 'key "a" specified more than once'),
    ('add-relation alpha', 'takes 2 values'),
    ('remove-relation alpha', 'a relation must involve two applications'),
    ('resolved', 'specify unit names or --all'),
    ('resolved alpha/0 --all', 'specify unit names or --all, not both'),
    ('run-action paint', 'no unit specified'),
    ('run-action alpha/0', 'no action specified'),
    ('run-action alpha/0 paint Bad=1', 'key "Bad" must start and end with lowercase alphanumeric'),
    ('run-action alpha/0 paint word', 'argument "word" must be of the form'),
    ('run', 'no unit or command specified'),
    ('run alpha/0 paint --background --wait 1s', 'cannot specify both --wait and --background'),
    ('run --unit alpha/0', 'no commands specified'),
    ('run --all --unit alpha/0 true', 'you cannot specify --all and individual'),
    ('run --unit alpha/0 --params x true', 'are for actions, not for commands'),
    ('exec true', 'you must specify a target'),
    ('show-operation 1 --wait 1s --watch', 'specify either --watch or --wait but not both'),
    ('actions alpha --schema --format tabular', 'full schema not compatible with tabular output'),
    ('debug-log -l LOUD', 'level value "LOUD" is not one of'),
    ('deploy ./bundle.yaml -n 2', 'not supported when deploying a bundle: -n'),
    ('deploy ./bundle.yaml name', 'a bundle has no application name of its own'),
    ('deploy ./alpha --overlay x', '--overlay and --dry-run are for bundles'),
    ('deploy ./alpha --config size', 'cannot read'),
    ('upgrade-charm alpha --path a --switch b', '--switch and --path are mutually exclusive'),
    ('attach-resource alpha', 'no name=file specified'),
    ('attach-resource alpha blob', 'expected one name=file'),
    ('wait --timeout soon', "invalid duration 'soon'"),
    ('scp a', 'at least two arguments required'),
    ('scp a b', 'copy either to a machine or from one'),
    ('frobnicate', 'juju-local: "frobnicate" is not a juju-local command. See "juju-local --help".'),
]


@pytest.mark.parametrize('line, said', MISUSED, ids=[line for line, _ in MISUSED])
def test_misuse_is_told_and_exits_2(juju: Juju, line: str, said: str) -> None:
    juju('deploy', '--no-wait', './alpha')
    answer = juju(*line.split())
    assert (answer.code, answer.out) == (2, '')
    assert answer.err.startswith('ERROR ') and said in answer.err
    assert 'Traceback' not in answer.err


REFUSED = [
    ('add-unit nobody', 'application "nobody" not found', 'alpha'),
    ('add-unit side', 'cannot add unit to subordinate', 'principals'),
    ('remove-unit alpha/9', 'unit "alpha/9" not found', 'alpha/0'),
    ('config alpha colr=1', "unknown option 'colr'", 'colour, size'),
    ('config alpha size=big', "option 'size' expected int", ''),
    ('config alpha colr', 'key "colr" not found in "alpha"', 'lists them all'),
    ('integrate alpha side:hots', 'has no "hots" relation', 'host'),
    ('resolved alpha/0', 'unit "alpha/0" is not in an error state', ''),
    ('run-action alpha/0 print', 'action "print" not defined', 'paint'),
    ('run-action alpha/0 paint coats=many', 'coats: must be of type integer', ''),
    ('show-action-output 99', 'task 99 not found', 'operations'),
    ('show-operation 99', 'operation 99 not found', 'operations'),
    ('set-leader alpha side/0', 'is no unit of application', ''),
    ('deploy ./alpha', 'application already exists', ''),
    ('deploy nothing', 'charm or bundle "nothing" not found', '--repository'),
    ('deploy ./nothing', 'there is no nothing', 'check the path'),
    ('deploy ./alpha other --resource blb=./blob', 'unrecognized resource "blb"', 'blob'),
    ('deploy ./alpha other --resource blob=./none', 'cannot read resource none', 'check the path'),
    ('upgrade-charm alpha --path ./beta', 'cannot upgrade "alpha" (alpha) to charm "beta"', '--switch'),
    ('status -m other', 'model other not found', 'models'),
    ('status -m Other', '"Other" is not a valid model name', 'small letters'),
    ('destroy-model', 'destroy-model asks before it deletes', '--yes'),
    ('ssh alpha/0 true', 'machine 0 is not running', 'wait'),
]


@pytest.mark.parametrize('line, said, remedy', REFUSED, ids=[line for line, _, _ in REFUSED])
def test_a_refusal_says_why_and_what_to_do_and_exits_1(juju: Juju, line: str, said: str, remedy: str) -> None:
    for charm in ('./alpha', './side'):
        juju('deploy', '--no-wait', charm)
    answer = juju(*line.split())
    assert (answer.code, answer.out) == (1, '')
    assert said in answer.err.splitlines()[0] and remedy in answer.err


@pytest.mark.parametrize('spelling', ['-m other status', 'status -m other', 'status --model ctl:admin/other'])
def test_the_model_may_be_named_before_or_after_the_verb(juju: Juju, spelling: str) -> None:
    juju('deploy', '--no-wait', '-m', 'other', './alpha')
    assert juju(*spelling.split()).out.splitlines()[1].startswith('other ')
    assert juju('status').out.splitlines()[1].startswith('default ')


def test_a_charm_is_deployed_with_what_the_command_line_says(juju: Juju, place: Path) -> None:
    (place / 'options.yaml').write_text('mine: {colour: blue}')
    words = '-n 2 --config size=7 --config options.yaml --resource blob=./blob --constraints gpus=nvidia --trust --to 3'
    answer = juju('deploy', './alpha', 'mine', *words.split(), '--no-wait')
    assert answer.code == 0 and '--to 3 is ignored' in answer.err
    assert juju('config', 'mine', 'size').out == '7\n'
    assert juju('config', 'mine', 'colour').out == 'blue\n'
    assert juju('config', 'mine', 'trust').out == 'true\n'
    assert juju('constraints', 'mine').out == 'gpus=nvidia\n'
    assert list(json.loads(juju('status', '--format', 'json').out)['applications']['mine']['units']) == [
        'mine/0',
        'mine/1',
    ]
    assert juju('resources', 'mine').out.splitlines()[1].split() == ['blob', 'user', '1']


def test_quiet_says_nothing_but_results(juju: Juju) -> None:
    answer = juju('deploy', '-q', '--no-wait', './bundle.yaml')
    assert (answer.code, answer.out, answer.err) == (0, '', '')


def test_options_are_set_from_files_and_reset(juju: Juju, place: Path) -> None:
    juju('deploy', '--no-wait', './alpha')
    (place / 'value').write_text('from a file')
    (place / 'all.yaml').write_text('alpha:\n  size: 9\n')
    assert juju('config', '--no-wait', 'alpha', 'colour=@value').code == 0
    assert juju('config', '--no-wait', 'alpha', '--file', 'all.yaml').code == 0
    assert [juju('config', 'alpha', key).out for key in ('colour', 'size')] == ['from a file\n', '9\n']
    assert juju('config', '--no-wait', 'alpha', '--reset', 'colour,size').code == 0
    assert [juju('config', 'alpha', key).out for key in ('colour', 'size')] == ['red\n', '\n']
    assert yaml.safe_load(juju('config', 'alpha').out)['settings']['size']['source'] == 'unset'


def test_a_refused_change_leaves_the_model_as_it_was(juju: Juju) -> None:
    juju('deploy', '--no-wait', './alpha')
    before = juju('status', '--format', 'json').out.partition('"controller"')[0]
    assert juju('config', '--no-wait', 'alpha', 'colour=blue', 'size=big').code == 1
    assert juju('remove-unit', '--no-wait', 'alpha/0', 'alpha/9').code == 1
    assert juju('status', '--format', 'json').out.partition('"controller"')[0] == before
    assert juju('config', 'alpha', 'colour').out == 'red\n'


def test_actions_are_queued_listed_and_cancelled(juju: Juju, place: Path) -> None:
    juju('deploy', '--no-wait', './alpha', '-n', '2')
    (place / 'params.yaml').write_text('with: roller\ncoats: 1\n')
    answer = juju('run-action', '--no-wait', 'alpha/0', 'alpha/leader', 'paint', '--params', 'params.yaml', 'coats=2')
    assert answer.out == 'unit-alpha-0:\n  id: "4"\n  unit: alpha/0\n'
    shown = yaml.safe_load(juju('show-operation', '1').out)
    assert shown['action'] == {'name': 'paint', 'parameters': {'with': 'roller', 'coats': 2}}
    assert list(shown['tasks']) == ['2', '4'] and shown['status'] == 'pending'
    assert juju('cancel-task', '2', '4').code == 0
    assert yaml.safe_load(juju('show-action-output', '4').out)['status'] == 'cancelled'
    assert 'paint run on unit-alpha-0,unit-alpha-0' in juju('operations').out


def test_leadership_moves_where_it_is_told_to(juju: Juju) -> None:
    juju('deploy', '--no-wait', './alpha', '-n', '2')
    assert juju('set-leader', '--no-wait', 'alpha', 'alpha/1').code == 0
    assert 'alpha/1*' in juju('status').out


def test_relations_are_made_and_removed_by_any_spelling(juju: Juju) -> None:
    juju('deploy', '--no-wait', './alpha')
    juju('deploy', '--no-wait', './beta')
    for add, remove in (('add-relation', 'alpha beta'), ('integrate', 'alpha:db beta'), ('relate', 'beta:db alpha:db')):
        assert juju(add, '--no-wait', 'beta', 'alpha').code == 0
        rows = [line.split() for line in juju('status', '--relations').out.splitlines()]
        assert ['alpha:db', 'beta:db', 'sql', 'regular', 'joining'] in rows
        assert juju('remove-relation', '--no-wait', *remove.split()).code == 0
        assert 'beta:db' not in juju('status', '--relations').out


def test_the_log_of_a_new_model_is_empty(juju: Juju) -> None:
    juju('deploy', '--no-wait', './alpha')
    assert juju('debug-log', '--replay', '-l', 'warning').out == ''


def test_models_are_listed_and_destroyed_without_a_trace(juju: Juju, place: Path) -> None:
    juju('deploy', '--no-wait', './alpha')
    assert juju('models').out.splitlines()[3].split() == ['default*', 'localhost/stand-ins', 'available', '1', '1']
    assert juju('destroy-model', '--yes').code == 0
    assert not (place.parent / 'data' / 'default').exists()
    assert juju('models').out == ''
    assert juju('destroy-model', '--yes').code == 0


def test_unexpected_errors_need_debug_to_show_where(juju: Juju, monkeypatch: pytest.MonkeyPatch) -> None:
    from juju_local._cli import _show

    def broken(*_: object) -> None:
        raise ZeroDivisionError('oops')

    monkeypatch.setattr(_show, '_shown', broken)
    assert (juju('status').code, juju('status').err.splitlines()[0]) == (1, 'ERROR ZeroDivisionError: oops')
    assert 'Traceback' not in juju('status').err and 'Traceback' in juju('status', '--debug').err


def test_an_overlay_is_laid_over_a_bundle_and_a_dry_run_changes_nothing(juju: Juju, place: Path) -> None:
    (place / 'over.yaml').write_text('applications: {alpha: {num_units: 1}, beta: }')
    answer = juju('deploy', './bundle.yaml', '--overlay', 'over.yaml', '--dry-run')
    assert answer.code == 0 and '- add unit alpha/0 to a new machine' in answer.err and 'beta' not in answer.err
    assert json.loads(juju('status', '--format', 'json').out)['applications'] == {}
    assert juju('deploy', '--no-wait', 'pair', '--overlay', 'over.yaml').code == 0
    assert list(json.loads(juju('status', '--format', 'json').out)['applications']) == ['alpha']


def test_all_mistakes_of_a_bundle_are_told_and_nothing_is_deployed(juju: Juju, place: Path) -> None:
    text = (place / 'bundle.yaml').read_text()
    (place / 'bundle.yaml').write_text(text.replace('size: 3', 'sze: 3').replace("'beta:db'", "'beta:dbs'"))
    answer = juju('deploy', '--no-wait', './bundle.yaml')
    assert answer.code == 1 and answer.err.splitlines() == [
        'ERROR the bundle has the following errors:',
        "  applications.alpha.options.sze: alpha has no such option; did you mean 'size'?",
        "  relations: beta has no endpoint 'dbs'; did you mean 'db'?",
    ]
    assert json.loads(juju('status', '--format', 'json').out)['applications'] == {}


def test_what_a_bundle_gets_refused_is_told_together_and_nothing_stays(juju: Juju, place: Path) -> None:
    text = (place / 'bundle.yaml').read_text()
    (place / 'bundle.yaml').write_text(text.replace('size: 3', 'size: big').replace("'beta:db'", "'alpha:ring'"))
    answer = juju('deploy', '--no-wait', './bundle.yaml')
    assert answer.code == 1 and "option 'size' expected int, got 'big'" in answer.err
    assert 'add relation alpha:db - alpha:ring' in answer.err.split('ERROR')[1]
    assert json.loads(juju('status', '--format', 'json').out)['applications'] == {}


def test_upgrade_takes_new_files_only(juju: Juju, place: Path) -> None:
    juju('deploy', '--no-wait', './alpha')
    assert 'already up-to-date' in juju('refresh', '--no-wait', 'alpha', '--path', './alpha').err
    (place / 'alpha/config.yaml').write_text('options: {shape: {type: string, default: round, description: d}}')
    assert juju('upgrade-charm', '--no-wait', 'alpha').code == 0
    assert juju('config', 'alpha', 'shape').out == 'round\n'
    assert json.loads(juju('status', '--format', 'json').out)['applications']['alpha']['charm-rev'] == 1
    assert juju('attach-resource', '--no-wait', 'alpha', 'blob=./blob').code == 0
    assert juju('resources', 'alpha').out.splitlines()[1].split() == ['blob', 'user', '1']
