"""Where the real kubectl is that `make kubectl` fetches."""

import os
from pathlib import Path

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
KUBECTL = Path(os.environ.get('CONTRACT_KUBECTL') or CACHE / 'canonical-kubernetes/kubectl')
