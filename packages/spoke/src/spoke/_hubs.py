"""Which of several hubs an agent turns to: that of the first bootstrap file, until it is silent or refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from . import _features
from ._options import InvalidOptions, SpokeAgentOptions


class Hubs:
    """The hubs of one agent: one, but with the gate MultipleHubs and `bootstrap_kubeconfigs`."""

    def __init__(self, options: SpokeAgentOptions, gates: Mapping[str, bool]) -> None:
        """Raises InvalidOptions for several files without the gate."""
        several = _features.is_on(gates, _features.MULTIPLE_HUBS)
        if options.bootstrap_kubeconfigs and not several:
            raise InvalidOptions([f'--bootstrap-kubeconfigs needs --feature-gates={_features.MULTIPLE_HUBS}=true'])
        self._options = options
        self._files = options.bootstrap_kubeconfigs or [options.bootstrap_kubeconfig]
        self._at = 0

    def begin(self, is_valid: Callable[[Path], bool]) -> None:
        """Stay with the hub that the files of an earlier process lead to, if they do to one of these."""
        self._at = next((at for at, file in enumerate(self._files) if is_valid(Path(file))), 0)

    def next(self) -> None:
        self._at = (self._at + 1) % len(self._files)

    def options(self) -> SpokeAgentOptions:
        """Return the options with the bootstrap file of the hub whose turn it is."""
        return replace(self._options, bootstrap_kubeconfig=self._files[self._at])

    @property
    def timeout_s(self) -> float | None:
        """How long a hub may be silent; None where there is no other."""
        return float(self._options.hub_connection_timeout_seconds) if len(self._files) > 1 else None
