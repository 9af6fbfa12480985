"""What happened in this hook. What was tried in vain is tried again in the next; the status tells the first of each."""

from __future__ import annotations

failures: list[str] = []
later: list[str] = []  # beside the daemons: logins, ingress
resource: list[str] = []
labels_waiting: list[str] = []
labels_refused: list[tuple[str, str]] = []
started: list[str] = []  # daemons that were (re)started
