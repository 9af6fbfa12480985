"""The command line: parse, change the model in one transaction, let the engine run. A module per family of verbs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import click

from juju_local._cli import _output
from juju_local._cli._verb import cli
from juju_local._errors import JujuLocalError

__all__ = ['main']

DONE, FAILED, MISUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb and exit as the conventions say: 0 done, 1 failed, 2 misused."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Run one verb; return its exit code, with what went wrong told on stderr."""
    try:
        code = cli.main(list(arguments), prog_name='juju-local', standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read us has gone: nothing to tell
        return DONE
    except Exception as error:
        if '--debug' in arguments:
            traceback.print_exc()
        return _told(error)
    except KeyboardInterrupt:
        return _interrupted()


def _told(error: Exception) -> int:
    """Say what went wrong in a line, and what to do in the next; return the exit code."""
    if isinstance(error, click.Abort):
        return _interrupted()
    if isinstance(error, click.UsageError):
        _output.error(_usage(error), f'"{error.ctx.command_path} --help" tells how to use it' if error.ctx else '')
        return MISUSED
    if isinstance(error, click.ClickException):
        _output.error(error.format_message())
        return FAILED
    if isinstance(error, JujuLocalError):
        _output.error(error.message, error.remedy)
        return FAILED
    _output.error(f'{type(error).__name__}: {error}', 'this was not expected; run it again with --debug to see where')
    return FAILED


def _usage(error: click.UsageError) -> str:
    """Return a usage error in juju's words where it has some."""
    if isinstance(error, click.NoSuchOption):
        return f'option provided but not defined: {error.option_name}'
    if (
        isinstance(error, click.MissingParameter)
        and error.param is not None
        and error.param.param_type_name == 'argument'
    ):
        return f'no {error.param.human_readable_name.lower().rstrip(".")} specified'
    message = error.format_message()
    if message.startswith('Got unexpected extra argument'):
        return f'unrecognized args: {message.partition("(")[2].rstrip(".)").split()!r}'
    if type(error) is click.UsageError:
        return message  # our own words
    return message[:1].lower() + message[1:].rstrip('.')


def _interrupted() -> int:
    _output.error('interrupted', 'nothing that was recorded is lost: `juju-local wait` goes on')
    return FAILED
