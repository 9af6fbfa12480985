"""Verbs that show and set options: config, model-config, constraints, trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from juju_local import _bundle, _plan
from juju_local._cli import _arguments, _output, _settle
from juju_local._cli._session import Session
from juju_local._cli._verb import verb
from juju_local._errors import Refused
from juju_local._format import _entities
from juju_local._format._table import table
from juju_local._state import Model

# What model-config shows when nobody set it; names and defaults are Juju's.
MODEL_DEFAULTS = {
    'agent-stream': 'released',
    'automatically-retry-hooks': 'true',
    'default-series': 'jammy',
    'development': 'false',
    'firewall-mode': 'instance',
    'ftp-proxy': '',
    'http-proxy': '',
    'https-proxy': '',
    'juju-ftp-proxy': '',
    'juju-http-proxy': '',
    'juju-https-proxy': '',
    'juju-no-proxy': '127.0.0.1,localhost,::1',
    'logging-config': '<root>=INFO',
    'no-proxy': '127.0.0.1,localhost,::1',
    'test-mode': 'false',
    'update-status-hook-interval': '5m',
}


@verb('config', runs=True)
@click.argument('application')
@click.argument('words', nargs=-1, metavar='[KEY | KEY=VALUE ...]')
@_output.formatted('yaml', 'json', default='yaml')
@click.option(
    '--file', default='', metavar='FILE', help='YAML file: the application, and below it its options; - is stdin.'
)
@click.option('--reset', multiple=True, metavar='KEY,...', help='Put these options back to their defaults.')
def config(
    session: Session, application: str, words: Sequence[str], form: str, output: str, file: str, reset: Sequence[str]
) -> None:
    """Show, set (key=value, key=@file) or reset the options of an application."""
    keys = _reset_keys(reset)
    values = _wanted(application, words, file, keys)
    if values or keys:
        _set(session, application, values, keys)
    elif not file:
        _show(session, application, words, form, output)


def _wanted(application: str, words: Sequence[str], file: str, keys: Sequence[str]) -> Mapping[str, object]:
    """Return the options to set; refuse what juju calls misuse."""
    setting = [word for word in words if '=' in word]
    if '=' in application:
        raise click.UsageError('no application name specified')
    if file and words:
        raise click.UsageError('cannot specify --file and key=value arguments simultaneously')
    if words and not setting and keys:
        raise click.UsageError('cannot reset and retrieve values simultaneously')
    if setting and len(setting) != len(words):
        raise click.UsageError('cannot set and retrieve values simultaneously')
    if len(words) > 1 and not setting:
        raise click.UsageError('can only retrieve a single value, or all values')
    if file:
        return options_in(file, application)
    return _arguments.pairs(setting, _arguments.text_of)


def options_in(file: str, application: str) -> dict[str, object]:
    """Return the options that a YAML file holds for an application, below its name (juju's form) or plainly."""
    found = _arguments.mapping_of(file)
    below = found.get(application)
    if isinstance(below, dict):
        return {str(key): value for key, value in below.items()}
    if application in found and below is None:
        return {}
    if any(isinstance(value, dict) for value in found.values()):
        raise click.UsageError(
            f'{file} says nothing about "{application}": put its options below a line "{application}:"'
        )
    return found


def _reset_keys(reset: Sequence[str]) -> list[str]:
    keys = _arguments.split(reset)
    wrong = next((key for key in keys if '=' in key), '')
    if wrong:
        raise click.UsageError(f'--reset accepts a comma delimited set of keys "a,b,c", received: "{wrong}"')
    return keys


def _set(session: Session, application: str, values: Mapping[str, object], keys: Sequence[str]) -> None:
    with session.change() as model:
        app = _plan.application(model, application)
        own = (
            set() if 'trust' in model.charm_of(application).options else {'trust'}
        )  # juju's own option of every application
        if own & {*keys, *values}:
            _plan.set_trust(model, application, str(values.get('trust', False)).lower() == 'true')
        _plan.reset_config(model, application, [key for key in keys if key not in own])
        before = dict(app.config)
        _plan.set_config(model, application, {key: value for key, value in values.items() if key not in own})
        for key in [key for key in values if key in before and before[key] == app.config.get(key)]:
            session.say(f'WARNING the configuration setting "{key}" already has the value "{before[key]}"')
    _settle.settle(session)


def _show(session: Session, application: str, words: Sequence[str], form: str, output: str) -> None:
    model = session.look()
    _plan.application(model, application)
    shown = _entities.show_config(model, application)
    if not words:
        _output.write(_output.FORMATTERS[form](shown), output)
        return
    settings: Mapping[str, Mapping[str, object]] = {**_below(shown, 'application-config'), **_below(shown, 'settings')}
    if words[0] not in settings:
        what = f'key "{words[0]}" not found in "{application}" application config or charm settings'
        raise Refused(what, f'`juju-local config {application}` lists them all')
    _output.write(_entities.go_text(settings[words[0]].get('value')) + '\n', output)


def _below(tree: Mapping[str, object], key: str) -> Mapping[str, Mapping[str, object]]:
    below = tree[key]
    return below if isinstance(below, dict) else {}


@verb('trust', runs=True)
@click.argument('application')
@click.option('--remove', is_flag=True, help='Take the trust back.')
@click.option('--scope', default='', help='Accepted: there is one scope.')
def trust(session: Session, application: str, remove: bool, scope: str) -> None:  # noqa: ARG001
    """Say whether an application may use this model's credentials."""
    with session.change() as model:
        _plan.set_trust(model, application, not remove)
    _settle.settle(session)


@verb('set-constraints')
@click.argument('application')
@click.argument('words', nargs=-1, required=True, metavar='KEY=VALUE...')
def set_constraints(session: Session, application: str, words: Sequence[str]) -> None:
    """Set what an application's new machines must have, e.g. gpus=nvidia."""
    with session.change() as model:
        _plan.set_constraints(model, application, _bundle.constraints(' '.join(words)))


@verb('get-constraints', 'constraints')
@click.argument('application')
def get_constraints(session: Session, application: str) -> None:
    """Show the constraints of an application."""
    found = _plan.application(session.look(), application).constraints
    _output.result(' '.join(f'{key}={value}' for key, value in found.items()) + '\n')


@verb('model-config', runs=True)
@click.argument('words', nargs=-1, metavar='[KEY | KEY=VALUE ...]')
@_output.formatted('tabular', 'yaml', 'json', default='tabular')
@click.option('--file', default='', metavar='FILE', help='YAML file of keys and values; - is stdin.')
@click.option('--reset', multiple=True, metavar='KEY,...', help='Put these keys back to their defaults.')
def model_config(
    session: Session, words: Sequence[str], form: str, output: str, file: str, reset: Sequence[str]
) -> None:
    """Show, set or reset the configuration of the model."""
    keys, values = _reset_keys(reset), _wanted('model', words, '', [])
    if file:
        values = {key: _entities.go_text(value) for key, value in _arguments.mapping_of(file).items()} | dict(values)
    if not (keys or values):
        _show_model_config(session.look(), words, form, output)
        return
    with session.change() as model:
        _plan.reset_model_config(model, keys)
        _plan.set_model_config(model, {key: str(value) for key, value in values.items()})
    _settle.settle(session)


def _show_model_config(model: Model, words: Sequence[str], form: str, output: str) -> None:
    values = {**MODEL_DEFAULTS, **model.settings.config}
    if words:
        if words[0] not in values:
            raise Refused(
                f'key "{words[0]}" not found in "{model.settings.name}" model', '`model-config` lists them all'
            )
        _output.write(values[words[0]] + '\n', output)
        return
    source = {key: 'model' if key in model.settings.config else 'default' for key in sorted(values)}
    if form == 'tabular':
        rows = [[key, source[key], values[key] or '""'] for key in source]
        _output.write(table(('Attribute', 'From', 'Value'), rows), output)
    else:
        tree = {key: {'value': values[key], 'source': source[key]} for key in source}
        _output.write(_output.FORMATTERS[form](tree), output)
