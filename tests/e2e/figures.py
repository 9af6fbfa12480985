"""What a deployment on real software costs in time: printed after the tests, never asserted."""

from __future__ import annotations

from collections import Counter

from tests.e2e.cluster import Deployed, Real

LINES: list[str] = []


def note(cluster: Real, deployed: Deployed) -> None:
    """Take down the time from nothing, and the part of it in hooks, hook by hook."""
    runs = cluster.runs()
    spent: Counter[tuple[str, str]] = Counter()
    times: Counter[tuple[str, str]] = Counter()
    for run in runs:
        key = (run.unit.partition('/')[0], run.name)
        spent[key] += run.seconds
        times[key] += 1
    LINES.append(
        f'from nothing: every unit active in {deployed.settled:.1f} s, every node Ready in {deployed.ready:.1f} s'
    )
    LINES.append(f'in hooks, which run side by side: {sum(spent.values()):.1f} s in {len(runs)} runs, most of it in')
    for (app, name), seconds in spent.most_common(15):
        LINES.append(f'  {seconds:6.1f} s  {times[app, name]:3} x  {app} {name}')
