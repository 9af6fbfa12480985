"""What the HTTPS port tells who looks for a fault: version, command line, and what every task is waiting for."""

from __future__ import annotations

import asyncio
import io
import json
import platform
import sys
from importlib import metadata

_PAGES = {
    'cmdline': 'the command line',
    'goroutine': 'all tasks and what they wait for',
}


def version() -> str:
    """Return the version as JSON, with the keys that Kubernetes' programs have."""
    text = metadata.version('spoke')
    major, _, rest = text.partition('.')
    return json.dumps(
        {
            'major': major, 'minor': rest.partition('.')[0], 'gitVersion': f'v{text}', 'gitCommit': '',
            'compiler': platform.python_implementation(), 'goVersion': f'python{platform.python_version()}',
            'platform': f'{sys.platform}/{platform.machine()}',
        },
        indent=2,
    )  # fmt: skip


def page(path: str) -> str | None:
    """Return what is at a path below /debug/pprof, None for nothing."""
    name = path.removeprefix('/debug/pprof').strip('/')
    if not path.startswith('/debug/pprof') or (name and name not in _PAGES):
        return None
    if not name:
        return ''.join(f'/debug/pprof/{each}  {what}\n' for each, what in _PAGES.items())
    return _tasks() if name == 'goroutine' else '\0'.join(sys.argv)


def _tasks() -> str:
    """Return the stacks of all tasks of this loop; they show code, never values."""
    text = io.StringIO()
    for task in sorted(asyncio.all_tasks(), key=lambda task: task.get_name()):
        task.print_stack(limit=8, file=text)
        text.write('\n')
    return text.getvalue()
