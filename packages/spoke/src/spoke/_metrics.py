"""Figures for Prometheus, in its text form. State without I/O."""

from __future__ import annotations

from collections.abc import Callable

_BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
_HELP = {
    'spoke_joined': ('gauge', 'Whether the cluster is joined, as the hub says'),
    'spoke_available': ('gauge', 'Whether the API server of the spoke answers'),
    'spoke_certificate_expiry_timestamp_seconds': ('gauge', 'When the client certificate for the hub ends'),
    'spoke_certificate_requests_total': ('counter', 'Requests for certificates, by outcome'),
    'spoke_certificate_requests_halted': ('gauge', 'Whether there are too many requests on the hub to make another'),
    'spoke_lease_renewals_total': ('counter', 'Renewals of the lease on the hub, by outcome'),
    'spoke_lease_last_renewal_timestamp_seconds': ('gauge', 'When the lease was last renewed'),
    'spoke_hub_last_contact_timestamp_seconds': ('gauge', 'When the hub last answered'),
    'spoke_spoke_last_contact_timestamp_seconds': ('gauge', 'When the spoke last answered'),
    'spoke_claims_cut': ('gauge', 'Claims that the hub is not told because there are too many'),
    'spoke_sync_seconds': ('histogram', 'Runs of a controller'),
    'spoke_retries_total': ('counter', 'Runs of a controller that failed and are repeated'),
    'spoke_starts_total': ('counter', 'How often the agent began anew in place'),
    'leader_election_master_status': ('gauge', 'Whether this process leads'),
}
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The figures of one process; each agent in it has a view with a label of its own."""

    def __init__(self, parent: Metrics | None = None, **labels: str) -> None:
        self._values: dict[tuple[str, Labels], float] = parent._values if parent else {}
        self._labels: dict[str, str] = {**(parent._labels if parent else {}), **labels}

    def of(self, **labels: str) -> Metrics:
        """Return a view that gives all its figures these labels."""
        return Metrics(self, **labels)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        self._values[name, self._key(labels)] = value

    def add(self, name: str, value: float = 1.0, /, **labels: str) -> None:
        key = name, self._key(labels)
        self._values[key] = self._values.get(key, 0.0) + value

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        for bound in _BUCKETS_S:
            if seconds <= bound:
                self.add(f'{name}_bucket', 1.0, le=str(bound), **labels)
        self.add(f'{name}_bucket', 1.0, le='+Inf', **labels)
        self.add(f'{name}_sum', seconds, **labels)
        self.add(f'{name}_count', 1.0, **labels)

    def get(self, name: str, /, **labels: str) -> float | None:
        return self._values.get((name, self._key(labels)))

    def forget(self) -> None:
        """Drop all figures with this view's labels."""
        mine = set(self._labels.items())
        for key in [key for key in self._values if mine <= set(key[1])]:
            del self._values[key]

    def _key(self, labels: dict[str, str]) -> Labels:
        return tuple(sorted({**self._labels, **labels}.items()))

    def text(self, more: Callable[[], dict[str, float]] | None = None) -> str:
        """Return all figures as Prometheus reads them."""
        lines: list[str] = []
        values = dict(self._values)
        values.update({(name, ()): value for name, value in (more() if more else {}).items()})
        described: set[str] = set()
        for (name, labels), value in sorted(values.items()):
            family = next((name.removesuffix(end) for end in ('_bucket', '_sum', '_count') if name.endswith(end)
                           and name.removesuffix(end) in _HELP), name)  # fmt: skip
            if family not in described and family in _HELP:
                kind, what = _HELP[family]
                lines += [f'# HELP {family} {what}', f'# TYPE {family} {kind}']
                described.add(family)
            inner = ','.join(f'{key}="{_escaped(text)}"' for key, text in labels)
            lines.append(f'{name}{{{inner}}} {value:.17g}' if inner else f'{name} {value:.17g}')
        return '\n'.join([*lines, ''])


def _escaped(text: str) -> str:
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
