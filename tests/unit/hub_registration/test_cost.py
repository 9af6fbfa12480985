"""What a hook costs in which the layer has nothing to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import platform, sys
platform.linux_distribution = lambda *_: ('Ubuntu', '22.04', 'jammy')  # charmhelpers looks at import
import charms, pkgutil
charms.__path__ = pkgutil.extend_path(charms.__path__, 'charms')
from charms.layer.hub_registration import access, agent, bootstrap, cluster, membership, objects, seal, service, unit
reading = unit.settings.read({}, {})
assert not reading.faults
print(sorted({'spoke', 'aioclustermanager', 'asyncio', 'cryptography'} & set(sys.modules)))
"""


def test_a_hook_imports_no_agent_no_client_and_no_cryptography_before_they_are_needed() -> None:
    libs = [str(path) for path in ROOT.glob('layers/*/lib')]
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(libs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ('[]\n', 0), done.stderr
