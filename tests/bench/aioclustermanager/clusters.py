"""The server that is measured against: the real etcd and kube-apiserver where they are, else the stand-ins."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / 'contract'))

from _clusters import start
from _programs import real_programs

NAMESPACE, TOKEN = 'bench', 'admin-token'


@dataclass(frozen=True)
class Server:
    access: Path  # a JSON file for the workers
    folder: Path
    http: Any
    kind: str

    @property
    def maps(self) -> str:
        return f'/api/v1/namespaces/{NAMESPACE}/configmaps'

    def version(self) -> str:
        """Return the resourceVersion of this moment."""
        return str(self.http.get(f'{self.maps}?limit=1')['metadata']['resourceVersion'])


@contextlib.contextmanager
def running(*, stand_ins: bool) -> Iterator[Server]:
    """Run one, on a RAM disk where there is one, since etcd writes through."""
    real = None if stand_ins else real_programs()
    shared = Path('/dev/shm')
    folder = Path(tempfile.mkdtemp(prefix='acm-bench-', dir=shared if shared.is_dir() else None))
    try:
        with contextlib.ExitStack() as stack:
            cluster = start(folder, stack, real)
            cluster.admin.post('/api/v1/namespaces', {'metadata': {'name': NAMESPACE}})
            access = folder / 'access.json'
            kubeconfig = cluster.kubeconfig('bench', TOKEN)
            where = {'server': cluster.server, 'ca': str(cluster.authority), 'token': TOKEN}
            access.write_text(json.dumps({**where, 'kubeconfig': str(kubeconfig), 'namespace': NAMESPACE}))
            yield Server(access, folder, cluster.admin, f'kube-apiserver ({"real" if real else "stand-in"})')
    finally:
        shutil.rmtree(folder, ignore_errors=True)
