"""Whether an agent is healthy: two checks that the platform's probe asks for. State without I/O."""

from __future__ import annotations


class Checker:
    """One named check: `check()` returns '' when healthy, else the reason. Once bad it stays bad until `reset()`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._reason = ''

    def check(self) -> str:
        return self._reason

    def fail(self, reason: str) -> None:
        self._reason = self._reason or reason

    def reset(self) -> None:
        """Be healthy again: the agent starts over in place."""
        self._reason = ''


class Health:
    """The checks of one agent, and what it has to say beside them (`notes`): whom it waits for, what fails."""

    def __init__(self) -> None:
        self.bootstrap = Checker('bootstrap-hub-kubeconfig')
        self.certificate = Checker('hub-client-certificate')
        self.notes: dict[str, str] = {}

    def note(self, about: str, text: str) -> None:
        """Say something, '' for nothing any more. Notes make nobody unhealthy."""
        if text:
            self.notes[about] = text
        else:
            self.notes.pop(about, None)
