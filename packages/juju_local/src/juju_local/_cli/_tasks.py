"""Verbs for actions and commands: run-action, run, exec, actions, show-action-output, show-operation, operations."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence

import click

from juju_local import _plan
from juju_local._cli import _arguments, _output, _settle
from juju_local._cli._changes import units_meant
from juju_local._cli._session import Session
from juju_local._cli._verb import Function, verb
from juju_local._errors import Refused
from juju_local._format import _tasks
from juju_local._state import Action, Model

OPEN = ('pending', 'running')
FOREVER_S = 10.0 * 365 * 86400
WAIT_S = 60.0  # of 3.x run and exec
TARGETS = ('-u', '--unit', '-a', '--app', '--application', '--machine')
VALUED = (
    *TARGETS,
    '--timeout',
    '--wait',
    '--params',
    '--format',
    '-o',
    '--output',
    '-m',
    '--model',
    '--seed',
    '--cores',
    '--patience',
)


@verb('run-action', runs=True, bare=['--wait'])
@click.argument('words', nargs=-1, required=True, metavar='UNIT... ACTION [KEY.KEY=VALUE ...]')
@click.option('--wait', default=None, metavar='[=DURATION]', help='Wait for the results, at most this long if given.')
@click.option('--params', default='', metavar='FILE', help='YAML file of parameters.')
@click.option('--string-args', is_flag=True, help='Take values as text, not as YAML.')
@_output.formatted('yaml', 'json', default='yaml')
def run_action(
    session: Session, words: Sequence[str], wait: str | None, params: str, string_args: bool, form: str, output: str
) -> None:
    """Queue an action for units (or APPLICATION/leader); juju 2.9's spelling."""
    units, name, values = _action_words(words)
    given = _arguments.parameters(values, _arguments.mapping_of(params) if params else {}, as_text=string_args)
    numbers = _queue_actions(session, units, name, given)
    if wait is None:
        tasks = _found(session.look(), numbers)
        _output.write(_tasks.queued(tasks) if form == 'yaml' else _output.FORMATTERS[form](_ids(tasks)), output)
        if not session.no_wait:
            _settle.settle(session)
        return
    tasks = _awaited(session, numbers, _arguments.duration(wait) if wait else FOREVER_S)
    _output.write(_output.FORMATTERS[form](_tasks.waited(tasks)), output)


def _ids(tasks: Sequence[Action]) -> dict[str, object]:
    return {_tasks.tag(task.unit): {'id': task.id, 'unit': task.unit} for task in tasks}


def _action_words(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """Split `UNIT... ACTION [KEY=VALUE...]` as juju does: what looks like a unit is one."""
    units = []
    rest = list(words)
    while rest and _arguments.TARGET.match(rest[0]):
        units.append(rest.pop(0))
    if not units:
        raise click.UsageError('no unit specified' if len(words) < 2 else f'invalid unit or action name "{words[0]}"')
    if not rest:
        raise click.UsageError('no action specified')
    name = rest.pop(0)
    if not _arguments.PARAMETER.match(name):
        raise click.UsageError(f'invalid unit or action name "{name}"')
    return units, name, rest


def _queue_actions(session: Session, units: Sequence[str], name: str, params: dict[str, object]) -> list[str]:
    with session.change() as model:
        tasks = [_plan.queue_action(model, unit, name, params, time.time()) for unit in units]
        return _as_one(model, tasks)


def _as_one(model: Model, tasks: Sequence[Action]) -> list[str]:
    """Make the tasks of one command line one operation; return their numbers."""
    for task in tasks:
        task.operation = tasks[0].operation
        model.touch('action', task.id)
    return [task.id for task in tasks]


def _found(model: Model, numbers: Sequence[str]) -> list[Action]:
    return [model.actions[number] for number in numbers]


def _awaited(session: Session, numbers: Sequence[str], limit: float) -> list[Action]:
    """Let the engine run until these tasks are done, then return them."""

    def done(model: Model) -> bool:
        return all(task.status not in OPEN for task in _found(model, numbers))

    if not session.no_wait:
        _settle.settle(session, timeout_s=limit, until=done)
    tasks = _found(session.look(), numbers)
    late = [task.unit for task in tasks if task.status in OPEN]
    if late:
        remedy = f'`juju-local show-operation {tasks[0].operation}` tells how they do; `juju-local wait` goes on'
        raise Refused(f'timed out waiting for results from: {", ".join(late)}', remedy)
    return tasks


def _is_commands(words: Sequence[str]) -> bool:
    """Tell whether flags after the first word are the command's: a target was named before, and it is no whole line.

    juju itself wants `--` there; `run 'uname -a' --unit a/0` and `run --unit a/0 'uname -a' --format json` are juju's.
    """
    targeted = False
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition('=')
        if not word.startswith('-') or word == '--':
            return targeted and ' ' not in word
        targeted = targeted or name in (*TARGETS, '--all') or word[:2] in ('-u', '-a')
        if not equals and name in VALUED:
            next(rest, '')
    return False


def _targets(function: Function) -> Function:
    """Declare how commands name their targets, and how long to wait for them."""
    for option in (
        click.option('--timeout', default='', metavar='DURATION', help='How long to wait for the command.'),
        click.option('--all', 'everything', is_flag=True, help='Run on every unit.'),
        click.option('--machine', 'machines', multiple=True, metavar='N,...', help='On the units of these machines.'),
        click.option('-u', '--unit', 'units', multiple=True, metavar='UNIT,...', help='On these units.'),
        click.option(
            '-a', '--application', '--app', 'applications', multiple=True, metavar='APP,...', help='On all its units.'
        ),
    ):
        function = option(function)
    return function


@verb('run', runs=True, foreign=_is_commands)
@click.argument('words', nargs=-1, metavar='UNIT... ACTION [KEY=VALUE ...] | COMMAND...', type=click.UNPROCESSED)
@_targets
@click.option('--wait', default='', metavar='DURATION', help='How long to wait for an action (default 60s).')
@click.option('--background', is_flag=True, help='Do not wait for an action.')
@click.option('--params', default='', metavar='FILE', help='YAML file of parameters.')
@click.option('--string-args', is_flag=True, help='Take values as text, not as YAML.')
@click.option('--utc', is_flag=True, help='Accepted: times of tasks are UTC.')
@_output.formatted('plain', 'default', 'yaml', 'json', default='plain')
def run(
    session: Session,
    words: Sequence[str],
    applications: Sequence[str],
    units: Sequence[str],
    machines: Sequence[str],
    everything: bool,
    timeout: str,
    wait: str,
    background: bool,
    params: str,
    string_args: bool,
    utc: bool,  # noqa: ARG001
    form: str,
    output: str,
) -> int:
    """Run an action (3.x: UNIT ACTION k=v), or with --unit, --application, --machine or --all a command (2.9)."""
    if applications or units or machines or everything:
        if params or string_args or background:
            raise click.UsageError('--params, --string-args and --background are for actions, not for commands')
        tasks = _commanded(session, words, (applications, units, machines, everything), timeout or wait)
        return _show_commands(tasks, form, output, old=True)
    if not words:
        raise click.UsageError('no unit or command specified')
    if background and wait:
        raise click.UsageError('cannot specify both --wait and --background')
    targets, name, values = _action_words(words)
    given = _arguments.parameters(values, _arguments.mapping_of(params) if params else {}, as_text=string_args)
    numbers = _queue_actions(session, targets, name, given)
    return _in_background(session, numbers) if background else _run_now(session, numbers, wait, form, output)


def _in_background(session: Session, numbers: Sequence[str]) -> int:
    tasks = _found(session.look(), numbers)
    session.say(
        f'Scheduled operation {tasks[0].operation} with task{"s" if len(tasks) > 1 else ""} {", ".join(numbers)}'
    )
    session.say(f"Check operation status with 'juju-local show-operation {tasks[0].operation}'")
    return 0


def _run_now(session: Session, numbers: Sequence[str], wait: str, form: str, output: str) -> int:
    tasks = _found(session.look(), numbers)
    session.say(f'Running operation {tasks[0].operation} with {len(tasks)} task{"s" if len(tasks) > 1 else ""}')
    session.say('\n'.join(f'  - task {task.id} on {_tasks.tag(task.unit)}' for task in tasks) + '\n')
    tasks = _awaited(session, numbers, _arguments.duration(wait) if wait else WAIT_S)
    if form in _output.FORMATTERS:
        text = _output.FORMATTERS[form]({task.unit: _tasks.run(task) for task in tasks})
    else:
        text = _tasks.plain(tasks)
    _output.write(text, output)
    return _failures(session, tasks)


def _failures(session: Session, tasks: Sequence[Action]) -> int:
    failed = [task for task in tasks if task.status != 'completed' or _tasks.return_code(task)]
    if not failed:
        return 0
    _output.error(f'the following task{"s" if len(failed) > 1 else ""} failed:')
    for task in failed:
        said = f': {task.message}' if task.message else ''
        _output.note(f' - id "{task.id}" on {task.unit} with return code {_tasks.return_code(task)}{said}')
    session.say("\nuse 'juju-local show-task' to inspect the failure")
    return 1


@verb('exec', runs=True, foreign=_is_commands)
@click.argument('words', nargs=-1, required=True, metavar='COMMAND...', type=click.UNPROCESSED)
@_targets
@click.option('--wait', default='', metavar='DURATION', help='How long to wait for the command.')
@_output.formatted('plain', 'default', 'yaml', 'json', default='plain')
def execute(
    session: Session,
    words: Sequence[str],
    applications: Sequence[str],
    units: Sequence[str],
    machines: Sequence[str],
    everything: bool,
    timeout: str,
    wait: str,
    form: str,
    output: str,
) -> int:
    """Run a command on units, in a hook's environment (3.x)."""
    if not (applications or units or machines or everything):
        raise click.UsageError('you must specify a target, either through --all, --machine, --application or --unit')
    tasks = _commanded(session, words, (applications, units, machines, everything), timeout or wait)
    return _show_commands(tasks, form, output, old=False)


Targets = tuple[Sequence[str], Sequence[str], Sequence[str], bool]


def _commanded(session: Session, words: Sequence[str], targets: Targets, limit: str) -> list[Action]:
    if not words:
        raise click.UsageError('no commands specified')
    if targets[3] and any(targets[:3]):
        raise click.UsageError('you cannot specify --all and individual machines, applications or units')
    command = words[0] if len(words) == 1 else shlex.join(words)
    with session.change() as model:
        found = _units(model, targets)
        tasks = [_plan.queue_command(model, unit, command, time.time()) for unit in found]
        numbers = _as_one(model, tasks)
    return _awaited(session, numbers, _arguments.duration(limit) if limit else 5 * WAIT_S)


def _units(model: Model, targets: Targets) -> list[str]:
    """Return the units meant, each once."""
    applications, units, machines, everything = targets
    if everything:
        found = list(model.units)
    else:
        named = [*_arguments.split(applications), *_arguments.split(units)]
        found = [unit for word in named for unit in units_meant(model, word)]
        wanted = _arguments.split(machines)
        for machine in wanted:
            if machine not in model.machines:
                raise Refused(f'machine {machine} not found', '`juju-local status` lists the machines')
        found += [unit.name for unit in model.units.values() if unit.machine in wanted and not unit.principal]
    if not found:
        raise Refused('no units found to run the command on', '`juju-local status` lists the units')
    return list(dict.fromkeys(found))


def _show_commands(tasks: Sequence[Action], form: str, output: str, *, old: bool) -> int:
    """Write what commands printed; of a single one its own streams and exit code."""
    if len(tasks) == 1 and form in ('plain', 'default'):
        results = tasks[0].results
        _output.write(str(results.get('stdout') or ''), output)
        click.echo(str(results.get('stderr') or ''), nl=False, err=True)
        if tasks[0].status != 'completed' and tasks[0].message:
            _output.error(tasks[0].message)
        return _tasks.return_code(tasks[0])
    formatter = _output.FORMATTERS['json' if form == 'json' else 'yaml']
    tree = [_tasks.commanded(t) for t in tasks] if old else {t.unit: _tasks.run(t) for t in tasks}
    _output.write(formatter(tree), output)
    return 1 if any(_tasks.return_code(task) for task in tasks) else 0


@verb('actions', 'list-actions')
@click.argument('application')
@click.option('--schema', is_flag=True, help='Show the parameters of each action.')
@_output.formatted('default', 'tabular', 'yaml', 'json', default='default')
def actions(session: Session, application: str, schema: bool, form: str, output: str) -> None:
    """List the actions of an application."""
    if schema and form == 'tabular':
        raise click.UsageError('full schema not compatible with tabular output')
    model = session.look()
    _plan.application(model, application)
    declared = model.charm_of(application).actions
    if not declared:
        session.say(f'No actions defined for {application}.')
    elif schema:
        _output.write(_output.FORMATTERS['json' if form == 'json' else 'yaml'](_tasks.actions_schema(declared)), output)
    elif form in _output.FORMATTERS:
        described = {name: str(declared[name].get('description', '')) for name in sorted(declared)}
        _output.write(_output.FORMATTERS[form](described), output)
    else:
        _output.write(_tasks.actions_table(declared), output)


@verb('show-action-output', 'show-task', 'show-action-status', runs=True)
@click.argument('number', metavar='ID')
@click.option('--wait', default='', metavar='DURATION', help='Wait for it at most this long; 0 is for ever.')
@_output.formatted('yaml', 'json', default='yaml')
def show_action_output(session: Session, number: str, wait: str, form: str, output: str) -> None:
    """Show the results of one task."""
    task = _task(session.look(), number)
    if wait and task.status in OPEN:
        task = _awaited(session, [number], _arguments.duration(wait) or FOREVER_S)[0]
    _output.write(_output.FORMATTERS[form](_tasks.without_unit(task)), output)


def _task(model: Model, number: str) -> Action:
    if number not in model.actions:
        raise Refused(f'task {number} not found', '`juju-local operations` lists what ran')
    return model.actions[number]


@verb('show-operation', runs=True)
@click.argument('number', metavar='ID')
@click.option('--wait', default='', metavar='DURATION', help='Wait for it at most this long.')
@click.option('--watch', is_flag=True, help='Wait for it, however long it takes.')
@click.option('--utc', is_flag=True, help='Accepted: times of tasks are UTC.')
@_output.formatted('yaml', 'json', default='yaml')
def show_operation(session: Session, number: str, wait: str, watch: bool, utc: bool, form: str, output: str) -> None:  # noqa: ARG001
    """Show the tasks of an operation and their results."""
    if wait and watch:
        raise click.UsageError('specify either --watch or --wait but not both')
    tasks = _tasks.tasks_of(session.look(), number)
    if not tasks:
        raise Refused(f'operation {number} not found', '`juju-local operations` lists them')
    if wait or watch:
        _awaited(session, [task.id for task in tasks], _arguments.duration(wait) if wait else FOREVER_S)
    _output.write(_output.FORMATTERS[form](_tasks.operation(session.look(), number)), output)


@verb('operations', 'list-operations')
@click.option('--apps', '--applications', 'applications', default='', metavar='APP,...', help='Of these applications.')
@click.option('--units', default='', metavar='UNIT,...', help='Of these units.')
@click.option('--actions', 'names', default='', metavar='NAME,...', help='Of these actions.')
@click.option('--status', 'statuses', default='', metavar='STATUS,...', help='Of these statuses.')
@click.option('--utc', is_flag=True, help='Accepted: times of tasks are UTC.')
@_output.formatted('plain', 'yaml', 'json', default='plain')
def operations(
    session: Session,
    applications: str,
    units: str,
    names: str,
    statuses: str,
    utc: bool,  # noqa: ARG001
    form: str,
    output: str,
) -> None:
    """List operations."""
    model = session.look()
    kept = [task for task in model.actions.values() if _wanted(task, applications, units, names, statuses)]
    numbers = sorted({task.operation or task.id for task in kept}, key=int)
    if not numbers:
        session.say('no matching operations')
    elif form == 'plain':
        _output.write(_tasks.operations_table(model, numbers), output)
    else:
        found = {number: _tasks.operation(model, number) for number in numbers}
        _output.write(_output.FORMATTERS[form](found), output)


def _wanted(task: Action, applications: str, units: str, names: str, statuses: str) -> bool:
    asked = (
        (applications, task.unit.partition('/')[0]),
        (units, task.unit),
        (names, task.name),
        (statuses, task.status),
    )
    return all(not words or value in words.split(',') for words, value in asked)


@verb('cancel-task', 'cancel-action')
@click.argument('numbers', nargs=-1, required=True, metavar='ID...')
def cancel_task(session: Session, numbers: Sequence[str]) -> None:
    """Cancel tasks that have not begun."""
    with session.change() as model:
        for number in numbers:
            _plan.cancel(model, number, time.time())
