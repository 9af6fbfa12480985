"""Makes the layer's own `charms.layer.kubernetes_common` importable, as a built charm would."""

import pkgutil
import platform
import sys
import types
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / name / 'lib') for name in ('layers/kubernetes-common', 'layers/snap', '.')]

import charms  # noqa: E402 - only now are all its portions on the path

charms.__path__ = pkgutil.extend_path(charms.__path__, 'charms')
if 'pkg_resources' not in sys.modules:  # slow, and its import warns
    sys.modules['pkg_resources'] = types.SimpleNamespace(  # pytest calls the latter when a test adds to sys.path
        iter_entry_points=lambda *_, **__: iter(()), fixup_namespace_packages=lambda *_, **__: None
    )
if not hasattr(platform, 'linux_distribution'):  # charmhelpers refuses to be imported on Debian
    platform.linux_distribution = lambda *_: ('Ubuntu', '22.04', 'jammy')
