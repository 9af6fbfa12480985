"""What the snap store offers: definitions from the store's snaps/ folder, channels, versions, revisions."""

from __future__ import annotations

import json
import os
import re

from . import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RISKS = ('stable', 'candidate', 'beta', 'edge')
OFFERS = f'{core.HOME}/snap-store.json'  # laid over the definitions' tracks: what the store offers can change
MAGIC = '#stand-in-snap '


def definition(name: str) -> dict[str, Any] | None:
    """Return a snap's definition with the folder it lies in as `folder`; None if the store has no such snap."""
    folder = f'{core.store()}/snaps/{name}'
    if not re.fullmatch(r'[a-z0-9-]+', name) or not os.path.exists(f'{folder}/snap.json'):
        return None
    with open(f'{folder}/snap.json', encoding='utf-8') as file:
        known: dict[str, Any] = json.load(file)
    known['tracks'] = known.get('tracks', {}) | core.read_json(OFFERS, {}).get(name, {})
    return known | {'folder': folder}


def number(version: str) -> tuple[int, ...]:
    """Return a version's leading numbers, for comparing."""
    return tuple(int(each) for each in re.findall(r'\d+', version)[:3])


def revision(version: str) -> int:
    """Return the revision under which the store has a version: 1.12.10 is 11210."""
    major, minor, patch = (*number(version), 0, 0, 0)[:3]
    return major * 10000 + minor * 100 + patch or 1


def latest(known: dict[str, Any]) -> str:
    """Return the version of a channel without a track."""
    tracks: dict[str, str] = known['tracks']
    return tracks.get('latest') or max(tracks.values(), key=number)


def full_channel(channel: str, tracking: str = '') -> str:
    """Return TRACK/RISK for what the user gave, or RISK alone for the track `latest`.

    A channel without a track stays on the track the snap follows, as snapd has it.

    Raises:
        core.Refused: it is no channel.
    """
    parts = channel.split('/')
    track_now = tracking.rpartition('/')[0]
    if not channel or len(parts) > 3 or not all(parts):
        raise core.Refused(f'error: invalid channel: {channel}' if channel else 'error: channel name is empty')
    if parts[0] in RISKS:
        return '/'.join([track_now, *parts]) if track_now else '/'.join(['latest', *parts])
    if len(parts) > 1 and parts[1] not in RISKS:
        raise core.Refused(f'error: invalid risk in channel name: {channel}')
    return '/'.join(parts if len(parts) > 1 else [parts[0], 'stable'])


def version_on(known: dict[str, Any], channel: str) -> str:
    """Return the version a full channel holds, '' if the track does not exist."""
    track = channel.split('/')[0]
    return latest(known) if track == 'latest' else str(known['tracks'].get(track, ''))


def read_file(path: str) -> tuple[str, str]:
    """Return (name, version) of a snap file.

    Raises:
        core.Refused: there is no such file, or it is no snap.
    """
    try:
        with open(path, 'rb') as file:
            first = file.readline(200).decode('utf-8', 'replace')
    except OSError as error:
        raise core.Refused(f'error: cannot open "{path}": {error.strerror}') from error
    words = first.removeprefix(MAGIC).split()
    if not first.startswith(MAGIC) or len(words) != 2:
        raise core.Refused(f'error: cannot read snap file: "{path}" is not a snap or snapdir')
    return words[0], words[1]
