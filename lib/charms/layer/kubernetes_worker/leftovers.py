"""What containerd keeps for the kubelet and nobody uses, read from what its tool `ctr` prints. Computing only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

YOUNG = timedelta(minutes=5)  # the kubelet may have made it and not started it yet


def idle(containers: Iterable[str], tasks: str) -> list[str]:
    """Return the containers without a process.

    Args:
        containers: their ids.
        tasks: the table of `ctr tasks list`: id, process and state.
    """
    rows = [line.split() for line in tasks.splitlines()[1:]]
    running = {row[0] for row in rows if row and row[-1] != 'STOPPED'}
    return [container for container in containers if container not in running]


def is_young(info: Any, now: datetime) -> bool:
    """Tell whether a container was made just now; so is one that does not say when.

    Args:
        info: what `ctr containers info` prints, as JSON.
        now: with its zone.
    """
    try:
        made = datetime.strptime(str(info['CreatedAt'])[:19], '%Y-%m-%dT%H:%M:%S').replace(tzinfo=timezone.utc)
    except (KeyError, TypeError, ValueError):
        return True
    return now - made < YOUNG


def unused(images: str, containers: str, *, untagged_only: bool) -> list[str]:
    """Return all names of the images that no container was made of.

    An image has several names: with a tag, with a digest, and its id, which say the same digest in the table.

    Args:
        images: the table of `ctr images list`: name, type, digest and more.
        containers: the table of `ctr containers list`: id, name of the image and more.
        untagged_only: leave those that have a name with a tag.
    """
    rows = [line.split() for line in images.splitlines()[1:]]
    names: dict[str, list[str]] = {}
    for row in rows:
        if len(row) > 2:
            names.setdefault(row[2], []).append(row[0])
    in_use = {row[1] for line in containers.splitlines()[1:] if len(row := line.split()) > 1}
    groups = [group for group in names.values() if not in_use & {*group}]
    return [name for group in groups if not (untagged_only and any(map(_is_tagged, group))) for name in group]


def _is_tagged(name: str) -> bool:
    return '@' not in name and not name.startswith('sha256:')
