"""Actions and commands: what run-action, run, show-action-output, show-operation and operations print."""

from __future__ import annotations

from collections.abc import Sequence

from juju_local._format._table import table
from juju_local._format._text import compact, in_order, logged, moment, to_yaml
from juju_local._state import Action, Model

PROCESS_KEYS = ('return-code', 'stdout', 'stderr', 'stdout-encoding', 'stderr-encoding')
# The order in which an operation takes the status of its tasks: any that is not done yet wins, then the worst.
WORST = ('running', 'pending', 'error', 'failed', 'cancelled', 'aborted', 'completed')
COMMAND = 'juju-run'  # the name under which juju 2.9 lists tasks of its `run`


def tag(unit: str) -> str:
    """Return `unit-mysql-0` for mysql/0."""
    return 'unit-' + unit.replace('/', '-')


def timing(enqueued: float, started: float, completed: float) -> dict[str, object]:
    times = {'enqueued': enqueued, 'started': started, 'completed': completed}
    return {key: logged(when) for key, when in times.items() if when}


def _log(action: Action) -> list[str]:
    return [f'{logged(when)} {message}' for when, message in action.log]


def output(action: Action) -> dict[str, object]:
    """Return the map of show-action-output: status, message, results, log and timing of one task."""
    shown = compact({'message': action.message, 'results': action.results, 'log': _log(action)})
    times = timing(action.enqueued, action.started, action.completed)
    return in_order({'UnitId': action.unit, 'id': action.id, **shown, 'status': action.status, 'timing': times})


def without_unit(action: Action) -> dict[str, object]:
    return {key: value for key, value in output(action).items() if key not in ('UnitId', 'id')}


def queued(actions: Sequence[Action]) -> str:
    """Return what juju 2.9's run-action prints when it does not wait."""
    if len(actions) == 1:
        return to_yaml({'Action queued with id': actions[0].id})
    return to_yaml({tag(action.unit): {'id': action.id, 'unit': action.unit} for action in actions})


def waited(actions: Sequence[Action]) -> dict[str, object]:
    """Return the map of `run-action --wait`: one entry a unit."""
    return {tag(action.unit): output(action) for action in actions}


def run(action: Action) -> dict[str, object]:
    """Return one unit's entry of the 3.x run and exec in yaml and json."""
    shown = compact({'message': action.message, 'results': action.results, 'log': _log(action)})
    times = timing(action.enqueued, action.started, action.completed)
    return in_order({'id': action.id, **shown, 'status': action.status, 'timing': times, 'unit': action.unit})


def plain(actions: Sequence[Action]) -> str:
    """Return the 3.x plain form: results as YAML, then stdout and stderr; with several units a map of them."""
    if len(actions) != 1:
        return to_yaml({a.unit: {'id': a.id, 'output': _results(a) + _streams(a)} for a in actions})
    results = _results(actions[0])
    return (results + '\n' if results else '') + _streams(actions[0])


def _results(action: Action) -> str:
    if not action.results:
        return f'Task {action.id} {action.status}\n'
    rest = {key: value for key, value in action.results.items() if key not in PROCESS_KEYS}
    return to_yaml(in_order(rest)) if rest else ''


def _streams(action: Action) -> str:
    texts = [str(action.results.get(key) or '').strip('\n') for key in ('stdout', 'stderr')]
    return ''.join(f'{text}\n' for text in texts if text)


def commanded(action: Action) -> dict[str, object]:
    """Return one entry of the list that juju 2.9's `run` prints for several targets."""
    code = return_code(action)
    shown = {'Stderr': action.results.get('stderr', ''), 'ReturnCode': code or None}
    return in_order({**compact(dict(shown)), 'Stdout': action.results.get('stdout', ''), 'UnitId': action.unit})


def return_code(action: Action) -> int:
    code = action.results.get('return-code', 0 if action.status == 'completed' else 1)
    return int(str(code))


def operation(model: Model, number: str) -> dict[str, object]:
    """Return the map of show-operation; the caller has made sure that it exists."""
    tasks = tasks_of(model, number)
    first = tasks[0]
    same = all((task.name, task.params) == (first.name, first.params) for task in tasks)
    done = max(task.completed for task in tasks) if all(task.completed for task in tasks) else 0.0
    started = min((task.started for task in tasks if task.started), default=0.0)
    return {
        'summary': summary(tasks),
        'status': operation_status(tasks),
        **({'action': {'name': first.name or COMMAND, 'parameters': _parameters(first)}} if same else {}),
        'timing': timing(first.enqueued, started, done),
        'tasks': {task.id: _task(task, named=not same) for task in tasks},
    }


def _parameters(action: Action) -> dict[str, object]:
    return {'command': action.command} if action.command else action.params


def _task(action: Action, named: bool) -> dict[str, object]:
    shown: dict[str, object] = {'name': action.name or COMMAND} if named else {}
    times = timing(action.enqueued, action.started, action.completed)
    rest = {'log': _log(action), 'message': action.message, 'results': action.results}
    return {**shown, 'host': action.unit, 'status': action.status, 'timing': times, **compact(dict(rest))}


def tasks_of(model: Model, number: str) -> list[Action]:
    tasks = [action for action in model.actions.values() if (action.operation or action.id) == number]
    return sorted(tasks, key=lambda task: int(task.id))


def operation_status(tasks: Sequence[Action]) -> str:
    return min((task.status for task in tasks), key=WORST.index)


def summary(tasks: Sequence[Action]) -> str:
    """Return e.g. `pause run on unit-kubernetes-worker-0`."""
    return f'{tasks[0].name or COMMAND} run on {",".join(tag(task.unit) for task in tasks)}'


def operations_table(model: Model, numbers: Sequence[str]) -> str:
    rows = [_operation_row(number, tasks_of(model, number)) for number in numbers]
    return table(('Id', 'Status', 'Started', 'Finished', 'Task IDs', 'Summary'), rows, right=(0,))


def _operation_row(number: str, tasks: Sequence[Action]) -> list[str]:
    started = min((task.started for task in tasks if task.started), default=0.0)
    finished = max(task.completed for task in tasks) if all(task.completed for task in tasks) else 0.0
    shown = ','.join(task.id for task in tasks[:5]) + ('...' if len(tasks) > 5 else '')
    return [number, operation_status(tasks), _short(started), _short(finished), shown, summary(tasks)]


def _short(seconds: float) -> str:
    return moment(seconds, False).strftime('%Y-%m-%dT%H:%M:%S') if seconds else ''


def actions_table(declared: dict[str, dict[str, object]]) -> str:
    rows = [[name, _first_line(declared[name])] for name in sorted(declared)]
    return table(('Action', 'Description'), rows)


def _first_line(action: dict[str, object]) -> str:
    return str(action.get('description') or 'No description').strip().partition('\n')[0]


def actions_schema(declared: dict[str, dict[str, object]]) -> dict[str, object]:
    """Return action -> JSON schema of its parameters, as `actions --schema` shows it."""
    return {name: _schema(name, declared[name]) for name in sorted(declared)}


def _schema(name: str, action: dict[str, object]) -> dict[str, object]:
    described = {'title': name, 'description': action.get('description', ''), 'type': 'object'}
    required = {'required': action['required']} if action.get('required') else {}
    extra = {'additionalProperties': action.get('additionalProperties', True)}
    return {**described, 'properties': action.get('params') or {}, **required, **extra}
