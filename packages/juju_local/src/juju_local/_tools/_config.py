"""config-get, unit-get, application-version-set, juju-log."""

from __future__ import annotations

from juju_local import _options
from juju_local._context import LogLine
from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import SMART, Flag, Tool

LEVELS = {'WARN': 'WARNING', **{name: name for name in ('TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')}}


def _config_get(call: Call) -> object:
    key = call.argument(0)
    if key and key != '-' and call.switch('all'):
        raise MisuseError(f'cannot use argument --all together with key "{key}"')
    if call.context.config is None:
        call.context.config = _options.effective_config(call.model, call.context.app)
    config = call.context.config
    if key and key != '-':
        return config.get(key)
    return {name: value for name, value in config.items() if value is not None or call.switch('all')}


def _unit_get(call: Call) -> str:
    key = call.argument(0)
    if not key:
        raise MisuseError('no setting specified')
    if key not in ('private-address', 'public-address'):
        raise MisuseError(f'unknown setting "{key}"')
    machine = call.model.machines.get(call.unit.machine)
    if machine is None or not machine.address:
        raise FailureError(f'no {key.partition("-")[0]} address(es)')
    return machine.address


def _version_set(call: Call) -> None:
    version = call.argument(0)
    if not version:
        raise MisuseError('no version specified')
    call.unit.workload_version = version
    call.model.touch('unit', call.unit.name)
    app = call.model.applications[call.context.app]
    app.workload_version = version
    call.model.touch('application', app.name)


def _log(call: Call) -> None:
    if not call.arguments:
        raise MisuseError('no message specified')
    wanted = 'DEBUG' if call.switch('debug') else (call.text('log-level') or 'INFO')
    level = LEVELS.get(wanted.upper())
    module = f'unit.{call.context.unit}.juju-log'
    if level is None:
        call.context.logs.append(LogLine('WARNING', module, f'Specified log level of "{wanted}" is not valid'))
    message = call.context.log_prefix + ' '.join(call.arguments)
    call.context.logs.append(LogLine(level or 'INFO', module, message))


TOOLS = (
    Tool(
        'config-get',
        '[options] [<key>]',
        'Print application configuration.',
        _config_get,
        (Flag(('a', 'all'), 'Print all keys', True),),
        SMART,
        1,
    ),
    Tool('unit-get', '[options] <setting>', 'Print public-address or private-address.', _unit_get, (), SMART, 1),
    Tool(
        'application-version-set',
        '<new-version>',
        'Specify which version of the application is deployed.',
        _version_set,
        most=1,
    ),
    Tool(
        'juju-log',
        '[options] <message>',
        'Write a message to the juju log.',
        _log,
        (Flag(('debug',), 'Log at debug level', True), Flag(('l', 'log-level'), 'Send log message at the given level')),
        ignores_format=True,
    ),
)
