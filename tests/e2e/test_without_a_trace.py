"""The end: after destroy-model nothing is left. Last by its name, since it takes the deployment down."""

from __future__ import annotations

from pathlib import Path

from juju_local import _cgroups

from tests.e2e.cluster import Real, traces


def test_destroy_model_leaves_no_process_mount_group_or_file(real: Real) -> None:
    assert traces(real.data)  # there was something to find
    real.juju('destroy-model', '--yes')
    assert traces(real.data) == []
    assert not real.folder.exists()
    left = [place.name for each in _cgroups.present() for place in Path(each.place).iterdir()]
    assert _cgroups.model_group(real.folder) not in left
