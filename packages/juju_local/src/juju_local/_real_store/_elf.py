"""Which shared libraries a program needs: reads 64-bit little-endian ELF files. Computing only."""

from __future__ import annotations

import struct
from pathlib import Path

PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB = 1, 5


def needed(path: Path) -> list[str]:
    """Return the names of the libraries that a file is linked with; none if it is no such file."""
    data = path.read_bytes()
    if data[:6] != b'\x7fELF\x02\x01':
        return []
    segments = list(_segments(data))
    dynamic = next((data[offset : offset + size] for kind, offset, _, size in segments if kind == PT_DYNAMIC), b'')
    entries = list(struct.iter_unpack('<QQ', dynamic[: len(dynamic) // 16 * 16]))
    table = next((value for tag, value in entries if tag == DT_STRTAB), 0)
    start = next(
        (offset + table - at for kind, offset, at, size in segments if kind == PT_LOAD and at <= table < at + size), 0
    )
    return [_text(data, start + value) for tag, value in entries if tag == DT_NEEDED]


def _segments(data: bytes) -> list[tuple[int, int, int, int]]:
    """Return (type, offset in the file, address, size in the file) of each segment."""
    (first,) = struct.unpack_from('<Q', data, 32)
    size, count = struct.unpack_from('<HH', data, 54)
    found = []
    for index in range(count):
        kind, _, offset, address, _, length = struct.unpack_from('<IIQQQQ', data, first + index * size)
        found.append((kind, offset, address, length))
    return found


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b'\0', start)].decode()


def missing(tree: Path, folders: tuple[str, ...], beside: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Return what is not there: program to libraries that neither the tree's `folders` nor `beside` have."""
    there = beside | {path.name for folder in folders for path in (tree / folder).glob('*.so*')}
    found = {}
    for path in tree.rglob('*'):
        if path.is_file() and not path.is_symlink():
            lacking = [name for name in needed(path) if name not in there and not name.startswith('ld-linux')]
            if lacking:
                found[str(path.relative_to(tree))] = lacking
    return found
