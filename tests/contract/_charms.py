"""Makes what both charms decide importable, as built charms would: pure modules only, which need nothing of Juju."""

import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / name / 'lib') for name in ('.', 'layers/kubernetes-common', 'layers/kubernetes-master')]

import charms  # noqa: E402 - only now are all its portions on the path

charms.__path__ = pkgutil.extend_path(charms.__path__, 'charms')
