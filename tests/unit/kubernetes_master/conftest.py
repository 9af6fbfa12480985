"""Makes the control plane's pure logic importable, as a built charm would."""

import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / name / 'lib') for name in ('layers/kubernetes-common', 'layers/kubernetes-master')]

import charms  # noqa: E402 - only now are all its portions on the path

charms.__path__ = pkgutil.extend_path(charms.__path__, 'charms')
