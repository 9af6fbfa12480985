"""What this hook tried in vain; the status at its end tells the first. Each of it is tried again in the next hook."""

from __future__ import annotations

failures: list[str] = []
resource: list[str] = []
labels_waiting: list[str] = []
labels_refused: list[str] = []
