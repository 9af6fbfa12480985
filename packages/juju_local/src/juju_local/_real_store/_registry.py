"""A registry's storage, written as docker-registry keeps it: what it serves from this folder needs no push."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
CONFIG = 'application/vnd.docker.container.image.v1+json'
LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
XATTR_CAPABILITY = 'SCHILY.xattr.security.capability'
BUILT = '2021-01-13T00:00:00Z'  # fixed, so that the same files give the same image


class Registry:
    def __init__(self, folder: Path) -> None:
        self.root = folder / 'docker/registry/v2'

    def add_layer(self, tree: Path, capabilities: Mapping[str, int]) -> Layer:
        """Store a tree of files, owned by root, as a layer; `capabilities` are bit sets by path, which files grant."""
        raw = _tar(tree, capabilities)
        packed = gzip.compress(raw, compresslevel=6, mtime=0)
        return Layer(self._blob(packed), len(packed), _digest(raw))

    def add_image(self, names: Iterable[tuple[str, str]], layers: Sequence[Layer], config: Mapping[str, Any]) -> None:
        """Store an image under (repository, tag) names.

        Args:
            names: of the image.
            layers: the lowest first.
            config: as an image's: Cmd, Entrypoint, Env, ExposedPorts, User, WorkingDir.
        """
        described = {
            'architecture': 'amd64',
            'os': 'linux',
            'created': BUILT,
            'config': dict(config),
            'rootfs': {'type': 'layers', 'diff_ids': [layer.diff_id for layer in layers]},
            'history': [{'created': BUILT, 'created_by': 'juju-local store build'} for _ in layers],
        }
        text = json.dumps(described).encode()
        manifest = {
            'schemaVersion': 2,
            'mediaType': MANIFEST,
            'config': {'mediaType': CONFIG, 'size': len(text), 'digest': self._blob(text)},
            'layers': [{'mediaType': LAYER, 'size': layer.size, 'digest': layer.digest} for layer in layers],
        }
        blobs = [manifest['config']['digest'], *(layer.digest for layer in layers)]  # type: ignore[index]
        digest = self._blob(json.dumps(manifest, indent=1).encode())
        for repository, tag in names:
            self._link(repository, tag, digest, blobs)

    def _link(self, repository: str, tag: str, manifest: str, blobs: Sequence[str]) -> None:
        folder = self.root / 'repositories' / repository
        for blob in blobs:
            _write(folder / '_layers' / blob.replace(':', '/') / 'link', blob)
        _write(folder / '_manifests/revisions' / manifest.replace(':', '/') / 'link', manifest)
        _write(folder / '_manifests/tags' / tag / 'current/link', manifest)
        _write(folder / '_manifests/tags' / tag / 'index' / manifest.replace(':', '/') / 'link', manifest)

    def _blob(self, data: bytes) -> str:
        digest = _digest(data)
        name = digest.partition(':')[2]
        path = self.root / 'blobs/sha256' / name[:2] / name / 'data'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return digest


class Layer:
    def __init__(self, digest: str, size: int, diff_id: str) -> None:
        self.digest, self.size, self.diff_id = digest, size, diff_id


def _digest(data: bytes) -> str:
    return f'sha256:{hashlib.sha256(data).hexdigest()}'


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _tar(tree: Path, capabilities: Mapping[str, int]) -> bytes:
    """Return a tree as a tar archive that depends on nothing but names, modes and contents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w', format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(tree.rglob('*')):
            info = _plain(archive.gettarinfo(path, str(path.relative_to(tree))))
            if bits := capabilities.get(info.name):
                info.pax_headers = {XATTR_CAPABILITY: _capability(bits)}
            if info.isreg():
                with path.open('rb') as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)
    return stream.getvalue()


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ''
    info.mtime = 0
    return info


def _capability(bits: int) -> str:
    """Return the kernel's struct vfs_cap_data, revision 2, effective, for capabilities below 32."""
    return struct.pack('<5I', 0x02000001, bits, 0, 0, 0).decode('ascii')
