"""What juju-local refuses or cannot do, as exceptions. The command line turns them into one line and exit code 1."""

from __future__ import annotations


class JujuLocalError(Exception):
    """Base of every error of this package that a user can mend; `remedy` says how, if we know."""

    def __init__(self, message: str, remedy: str = '') -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Refused(JujuLocalError):
    """The user asked for something that the model (or a charm's metadata) does not allow. Nothing was changed."""


class FlushError(JujuLocalError):
    """A hook exited 0, but what it wrote cannot be applied: the hook fails, nothing of it is kept."""
