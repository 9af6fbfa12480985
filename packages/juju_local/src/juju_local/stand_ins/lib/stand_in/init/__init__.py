"""PID 1 of a machine: starts, supervises and stops units as systemd does, and reaps what nobody else does.

_service.py   one unit's life: a state machine fed with exits, deadlines and requests
_process.py   the door to processes: fork, signals, who belongs to a unit
_journal.py   the door to the journal: pipes in, files out
_manager.py   jobs, dependencies, the answers to systemctl
_loop.py      the event loop: signals, sockets, pipes, deadlines
"""

from __future__ import annotations

from ._loop import main

__all__ = ['main']
