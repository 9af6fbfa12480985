"""Whether a store that was built is still what would be built."""

from __future__ import annotations

from pathlib import Path

import pytest
from juju_local import _real_store, _store


@pytest.mark.parametrize(
    ('name', 'expected'),
    [('real-{}', True), ('real-0123456789ab', False), (None, False)],
    ids=['same', 'older', 'none'],
)
def test_a_store_is_current_while_it_was_made_from_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None, expected: bool
) -> None:
    monkeypatch.setattr(_store, 'cache', lambda: tmp_path)
    if name:
        (tmp_path / _store.REAL).symlink_to(name.format(_real_store.fingerprint()))
    assert _real_store.is_current() is expected
