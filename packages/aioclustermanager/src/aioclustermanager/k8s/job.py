"""Jobs of Kubernetes."""

from __future__ import annotations

from typing import Any

from ..job import Job
from . import _templates, _views
from ._workload import K8SWorkload

K8S_JOB: dict[str, Any] = {
    'kind': 'Job',
    'metadata': {'name': '', 'namespace': ''},
    'spec': {
        'backoffLimit': 1,
        'template': {
            'metadata': {'name': ''},
            'spec': {
                'containers': [
                    {
                        'name': '',
                        'image': '',
                        'resources': {'limits': {}, 'requests': {}},
                        'imagePullPolicy': 'IfNotPresent',
                    }
                ],
                'restartPolicy': 'Never',
            },
        },
    },
}


class K8SJob(K8SWorkload, Job):
    """A Job."""

    @property
    def finished(self) -> bool:
        """Whether a pod of it ended, well or not."""
        return bool(_views.status(self._raw).get('failed') or _views.status(self._raw).get('succeeded'))

    @property
    def failed(self) -> int:
        """How many pods failed; False for none."""
        return _views.count(self._raw, 'failed')

    @property
    def ready(self) -> int:
        """How many pods are ready; False for none, and where the server (before Kubernetes 1.24) does not count."""
        return _views.count(self._raw, 'ready')

    @property
    def terminating(self) -> int:
        """How many pods are ending; False for none, and where the server (before Kubernetes 1.28) does not count."""
        return _views.count(self._raw, 'terminating')

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        first = {**K8S_JOB['spec']['template']['spec']['containers'][0], 'name': name}
        return {
            'kind': 'Job',
            'metadata': {'name': name, 'namespace': namespace, **_templates.given(kw, ('labels',))},
            'spec': {
                'backoffLimit': K8S_JOB['spec']['backoffLimit'],
                **_templates.given(kw, ('backoffLimit',)),
                'template': {
                    'metadata': _templates.template_metadata(name, kw),
                    'spec': {
                        'containers': [_templates.container(first, image, kw)],
                        'restartPolicy': 'Never',
                        **_templates.pod_spec(kw),
                    },
                },
            },
        }
