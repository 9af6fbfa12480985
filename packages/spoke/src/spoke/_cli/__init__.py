"""The command `spoke`: a module for each verb."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

_HELP = """\
usage: spoke VERB [flags]

  agent         register the cluster with its hub, and keep it there
  status        which step the join has reached, and whom it waits for
  hub-standin   a stand-in for a hub: run it, approve, accept, deny, let it fail

spoke VERB --help tells the flags of a verb; spoke --version prints the version.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a verb; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ('-h', '--help', 'help'):
        sys.stdout.write(_HELP)
        return 0 if words else 2
    if words == ['--version']:
        words = ['agent', '--version']
    verb = _verb(words[0])
    if verb is None:
        sys.stderr.write(f'spoke: there is no verb {words[0]!r}\n\n{_HELP}')
        return 2
    return verb(words[1:])


def _verb(name: str) -> Callable[[Sequence[str]], int] | None:
    """Return a verb's function: each is imported when it is asked for."""
    if name == 'agent':
        from ._agent_verb import main as agent

        return agent
    if name == 'status':
        from ._status_verb import main as status

        return status
    if name == 'hub-standin':
        from ._hub_verb import main as hub

        return hub
    return None
