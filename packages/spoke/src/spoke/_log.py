"""The log of a process: on stderr, each line with the agent it is of where there are many."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar

WHOSE = ContextVar('WHOSE', default='')  # the agent that runs in this context; '' where there is but one


class _Whose(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.whose = f'{name}: ' if (name := WHOSE.get()) else ''
        return True


def to_stderr(verbosity: int) -> None:
    """Write the log to stderr, the more the higher: 0 for what an operator reads, 2 for every detail."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Whose())
    logging.basicConfig(
        handlers=[handler],
        level=logging.DEBUG if verbosity > 1 else logging.INFO,
        format='%(asctime)s %(levelname).1s %(name)s: %(whose)s%(message)s',
        force=True,
    )
