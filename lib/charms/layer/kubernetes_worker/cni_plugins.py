"""A door: the CNI plugins, which come as a resource of the charm."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath

from charms.layer.kubernetes_common import records

from . import paths

RECORD = 'cni-plugins'


class Unusable(Exception):
    """The archive cannot be used; the text says why."""


def unpack(archive: str | Path, directory: str | Path = paths.CNI_PLUGINS) -> bool:
    """Put the plugins of an archive into a directory beside those already there; True if something was written.

    Each plugin takes the place of its older self in one step, after the whole archive has been read.

    Raises:
        Unusable: the archive is truncated, is no tar archive, or holds no plugin.
    """
    directory = Path(directory)
    checksum = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    if records.get(RECORD) == checksum:
        return False
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix='.cni-plugins.') as temporary:
        names = _extract(Path(archive), Path(temporary))
        for name in names:
            Path(temporary, name).replace(directory / name)
    records.put(RECORD, checksum)
    return True


def _extract(archive: Path, directory: Path) -> list[str]:
    names = []
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name).name  # flat: nothing of the archive's own paths is used
                content = tar.extractfile(member) if member.isfile() else None
                if not content or not name:
                    continue
                _write(directory / name, content.read())
                names.append(name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise Unusable('is no complete tar archive') from error
    if not names:
        raise Unusable('holds no plugin')
    return names


def _write(path: Path, content: bytes) -> None:
    with path.open('wb') as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o755)
