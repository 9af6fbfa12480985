"""How a verb is declared: its name and other spellings, and the options that all verbs have.

Flags may stand anywhere among the arguments, as with juju; not so where what follows belongs to another program (ssh).
A verb gets the `Session` as its first argument.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import click

from juju_local._cli._arguments import Duration
from juju_local._cli._session import Session

Function = Callable[..., Any]

SHARED = (
    (('-m', '--model'), {'default': None, 'help': 'Model to operate in.', 'envvar': 'JUJU_MODEL', 'metavar': 'NAME'}),
    (('--debug',), {'is_flag': True, 'help': 'Show where an error came from.'}),
    (('--quiet', '-q'), {'is_flag': True, 'help': 'Show errors and results only.'}),
    (('--verbose', '-v'), {'is_flag': True, 'help': 'Tell of every hook on stderr.'}),
)
RUNNING = (
    (('--seed',), {'type': int, 'help': 'Decide the order of everything Juju leaves open by this number.'}),
    (('--cores',), {'type': click.IntRange(1), 'help': 'How many hooks run at the same time (default: the cores).'}),
    (
        ('--patience',),
        {
            'type': Duration(),
            'help': 'How long units that say "waiting" are given (default 5m).',
            'envvar': 'JUJU_LOCAL_PATIENCE',
        },
    ),
    (('--no-wait',), {'is_flag': True, 'help': 'Record the change only; `juju-local wait` runs what is due.'}),
)


class Verb(click.Command):
    """A click command whose shared options end up in the session instead of the callback's arguments."""

    def __init__(
        self,
        *args: Any,
        runs: bool = False,
        bare: Sequence[str] = (),
        foreign: Callable[[Sequence[str]], bool] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.bare = tuple(bare)
        self.foreign = foreign
        self.shared = {}
        for names, settings in SHARED + (RUNNING if runs else ()):
            option = click.Option(list(names), **settings)
            self.shared[option.name] = option
            self.params.append(option)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let an option of `bare` stand without a value, which it takes only after `=` (juju's --wait[=5m])."""
        if self.foreign is not None:
            ctx.allow_interspersed_args = not self.foreign(args)
        return super().parse_args(ctx, [f'{arg}=' if arg in self.bare else arg for arg in args])

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002  the list of verbs has room for a sentence
        """Return the first sentence, whole."""
        return super().get_short_help_str(200)

    def invoke(self, ctx: click.Context) -> Any:
        values = {name: ctx.params.pop(name) for name in self.shared if name in ctx.params}
        session: Session = ctx.find_object(Session) or Session()
        ctx.obj = session.chosen(**values)
        return super().invoke(ctx)


# Which module declares a verb and its other spellings. It is imported for its verbs only: scripts ask for `status` and
# its like again and again, and to import all modules, the engine's with them, takes longer than such a verb's answer.
FAMILIES = {
    '_changes': """add-unit remove-unit remove-application add-relation integrate relate remove-relation expose unexpose
        resolved resolve set-leader update-status wait""",
    '_config': 'config trust set-constraints get-constraints constraints model-config',
    '_deploy': 'deploy',
    '_lifecycle': 'ssh scp',
    '_logs': 'debug-log',
    '_models': 'models list-models show-model destroy-model store',
    '_show': """status show-status show-unit show-application resources list-resources charm-resources
        export-bundle""",
    '_tasks': """run-action run exec actions list-actions show-action-output show-task show-action-status show-operation
        operations list-operations cancel-task cancel-action""",
    '_upgrade': 'upgrade-charm refresh attach-resource attach',
}
MODULES = {spelling: module for module, spellings in FAMILIES.items() for spelling in spellings.split()}


class Verbs(click.Group):
    """All verbs; an unknown one is answered as juju does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *MODULES})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in MODULES:
            importlib.import_module(f'juju_local._cli.{MODULES[cmd_name]}')  # declares it
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            name = ctx.info_name
            raise click.UsageError(f'{name}: "{args[0]}" is not a {name} command. See "{name} --help".')
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    name='juju-local',
    invoke_without_command=True,
    context_settings={'help_option_names': ['-h', '--help'], 'max_content_width': 120},
)
@click.option('-m', '--model', default=None, help='Model to operate in.', metavar='NAME')
@click.option('--debug', is_flag=True, help='Show where an error came from.')
@click.option('--quiet', '-q', is_flag=True, help='Show errors and results only.')
@click.option('--verbose', '-v', is_flag=True, help='Tell of every hook on stderr.')
@click.version_option(package_name='juju-local', message='%(version)s')
@click.pass_context
def cli(ctx: click.Context, /, **values: Any) -> None:
    """Run real Juju charms in an embedded model on this machine, with the verbs of juju.

    Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 misused.
    """
    ctx.obj = Session().chosen(**values)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@cli.command('help', hidden=True)
@click.argument('verb', default='')
@click.pass_context
def explain(ctx: click.Context, verb: str) -> None:
    """Show how to use a verb."""
    above = ctx.parent or ctx
    command = cli.get_command(ctx, verb) if verb else None
    if verb and command is None:
        raise click.UsageError(f'unknown command or topic for {verb}')
    click.echo(command.get_help(click.Context(command, above, info_name=verb)) if command else above.get_help())


def verb(
    name: str,
    *aliases: str,
    runs: bool = False,
    bare: Sequence[str] = (),
    foreign: Callable[[Sequence[str]], bool] | None = None,
) -> Callable[[Function], Function]:
    """Declare a verb of the command line, under all its spellings.

    Args:
        runs: it lets the engine run hooks.
        bare: options that take their value only after `=`.
        foreign: tells of the words after the verb whether those from the first that is no option on, flags too, are
            another program's.
    """

    def declare(function: Function) -> Function:
        @click.pass_obj
        @functools.wraps(function)
        def call(session: Session, /, **values: Any) -> Any:
            return function(session, **values)

        declared = list(getattr(function, '__click_params__', ()))
        for spelling in (name, *aliases):
            call.__click_params__ = list(declared)  # type: ignore[attr-defined]  # click takes them away when it reads them
            command = click.command(spelling, cls=Verb, runs=runs, bare=bare, foreign=foreign)(call)
            command.hidden = spelling != name
            cli.add_command(command)
        return function

    return declare
