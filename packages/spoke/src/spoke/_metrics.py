"""Figures for Prometheus, in its text form. State without I/O."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Iterator

_BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0)
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
    'spoke_lease_lateness_seconds': ('histogram', 'How much later than planned a renewal of the lease was done'),
    'spoke_open_connections': (
        'gauge',
        'Connections to hub, spoke and management that are open; those that agents share count for each',
    ),
    'spoke_claims_cut': ('gauge', 'Claims that the hub is not told because there are too many'),
    'spoke_sync_seconds': ('histogram', 'Runs of a controller'),
    'spoke_retries_total': ('counter', 'Runs of a controller that failed and are repeated'),
    'spoke_starts_total': ('counter', 'How often the agent began anew in place'),
    'leader_election_master_status': ('gauge', 'Whether this process leads'),
}
_NOT_OF_HISTOGRAMS = ('cluster',)  # one for all agents of a process: a thousand times seventy rows say no more
Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]


class Metrics:
    """The figures of one process; each agent in it has a view with a label of its own."""

    def __init__(self, parent: Metrics | None = None, **labels: str) -> None:
        self._values: dict[Key, float] = parent._values if parent else {}
        self._counts: dict[Key, list[float]] = parent._counts if parent else {}  # of histograms: buckets, rest, sum
        self._live: dict[Key, Callable[[], float]] = parent._live if parent else {}
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
        shared = {name: text for name, text in {**self._labels, **labels}.items() if name not in _NOT_OF_HISTOGRAMS}
        counts = self._counts.setdefault((name, tuple(sorted(shared.items()))), [0.0] * (len(_BUCKETS_S) + 2))
        counts[bisect.bisect_left(_BUCKETS_S, seconds)] += 1.0
        counts[-1] += seconds

    @contextlib.contextmanager
    def live(self, name: str, value: Callable[[], float], /, **labels: str) -> Iterator[None]:
        """Let a figure be what this returns whenever it is asked for, for as long as the block lasts."""
        key = name, self._key(labels)
        self._live[key] = value
        try:
            yield
        finally:
            if self._live.get(key) is value:
                del self._live[key]

    def get(self, name: str, /, **labels: str) -> float | None:
        key = name, self._key(labels)
        return self._live[key]() if key in self._live else self._values.get(key)

    def forget(self) -> None:
        """Drop all figures with this view's labels."""
        mine = set(self._labels.items())
        for figures in (self._values, self._counts, self._live):
            for key in [key for key in figures if mine <= set(key[1])]:
                del figures[key]  # type: ignore[attr-defined]

    def _key(self, labels: dict[str, str]) -> Labels:
        return tuple(sorted({**self._labels, **labels}.items()))

    def text(self) -> str:
        """Return all figures as Prometheus reads them."""
        rows = {**self._values, **{key: value() for key, value in self._live.items()}}
        for (name, labels), counts in self._counts.items():
            rows.update(_histogram(name, labels, counts))
        lines: list[str] = []
        described: set[str] = set()
        for (name, labels), value in sorted(rows.items()):
            family = next((name.removesuffix(end) for end in ('_bucket', '_sum', '_count') if name.endswith(end)
                           and name.removesuffix(end) in _HELP), name)  # fmt: skip
            if family not in described and family in _HELP:
                kind, what = _HELP[family]
                lines += [f'# HELP {family} {what}', f'# TYPE {family} {kind}']
                described.add(family)
            inner = ','.join(f'{key}="{_escaped(text)}"' for key, text in labels)
            lines.append(f'{name}{{{inner}}} {value:.17g}' if inner else f'{name} {value:.17g}')
        return '\n'.join([*lines, ''])


def _histogram(name: str, labels: Labels, counts: list[float]) -> dict[Key, float]:
    total, rows = 0.0, dict[Key, float]()
    for bound, count in zip((*map(str, _BUCKETS_S), '+Inf'), counts[:-1], strict=True):
        total += count
        rows[f'{name}_bucket', tuple(sorted((*labels, ('le', bound))))] = total
    return {**rows, (f'{name}_sum', labels): counts[-1], (f'{name}_count', labels): total}


def _escaped(text: str) -> str:
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
