"""Layer options, as charm-build wrote them into the charm's layer.yaml; and parsed documents of the charm, cached."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

CACHE = '.documents.json'
_documents: dict[str, dict[str, Any]] = {}


def get(section: str | None = None, option: str | None = None, layer_file: str = 'layer.yaml') -> Any:
    """Return one option of one layer, all of a layer's, or all; what nobody defines is None (or {} for a layer)."""
    options = document(layer_file).get('options') or {}
    if section is None:
        return options
    chosen = options.get(section) or {}
    return chosen if option is None else chosen.get(option)


def document(name: str) -> dict[str, Any]:
    """Return a YAML mapping of the charm's directory, {} when the file is missing.

    Reading YAML takes longer than all else in a hook with nothing to do, so what was read is kept as JSON beside it,
    under the hash of its source.
    """
    path = Path(os.environ.get('JUJU_CHARM_DIR') or os.environ.get('CHARM_DIR') or Path.cwd()) / name
    key = str(path)
    if key not in _documents:
        _documents[key] = _load(path)
    return _documents[key]


def _load(path: Path) -> dict[str, Any]:
    try:
        source = path.read_bytes()
    except FileNotFoundError:
        return {}
    digest = hashlib.sha256(source).hexdigest()
    cache = path.parent / CACHE
    known = _read_cache(cache)
    entry = known.get(path.name)
    if isinstance(entry, dict) and entry.get('sha256') == digest:
        return dict(entry['content'])
    import yaml

    content = yaml.safe_load(source) or {}
    known[path.name] = {'sha256': digest, 'content': content}
    _write_cache(cache, known)
    return dict(content)


def _read_cache(cache: Path) -> dict[str, Any]:
    try:
        known = json.loads(cache.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_cache(cache: Path, known: dict[str, Any]) -> None:
    """Keep `known`; a charm directory that cannot be written only costs time."""
    temporary = cache.with_suffix('.new')
    try:
        temporary.write_text(json.dumps(known, default=str), encoding='utf-8')
        temporary.replace(cache)
    except OSError:
        return
