"""TFJobs: TensorFlow's training jobs, a custom resource of Kubeflow.

Version v1alpha1 is what 0.3.44 made and no operator has served since 2018; v1 is what training operators serve.
"""

from __future__ import annotations

from typing import Any

from ..job import Job
from . import _templates, _views

K8S_JOB: dict[str, Any] = {
    'kind': 'TFJob',
    'metadata': {'name': '', 'namespace': ''},
    'spec': {
        'replicaSpecs': [
            {
                'replicas': 1,
                'tfReplicaType': kind,
                'template': {
                    'spec': {
                        'containers': [{'image': '', 'name': '', 'resources': {'limits': {}}}],
                        'restartPolicy': 'OnFailure',
                    }
                },
            }
            for kind in ('WORKER', 'MASTER')
        ]
        + [{'replicas': 1, 'tfReplicaType': 'PS'}]
    },
}
GROUP = 'kubeflow.org'
VERSIONS = ('v1alpha1', 'v1')
_CONTAINER = 'tensorflow'  # the operator of v1 looks for the container of this name


class K8STFJob(Job):
    """A TFJob."""

    _raw: dict[str, Any]

    @property
    def active(self) -> int:
        """How many pods run; False for none. v1 counts by the type of replica."""
        kinds: dict[str, Any] = _views.status(self._raw).get('replicaStatuses') or {}
        if isinstance(kinds, dict) and kinds:
            return sum(counts.get('active') or 0 for counts in kinds.values())
        return _views.count(self._raw, 'active')

    @property
    def finished(self) -> bool:
        """Whether it ended, well or not."""
        status = _views.status(self._raw)
        ended = {item['type'] for item in status.get('conditions') or [] if item.get('status') == 'True'}
        return bool(status.get('failed') or status.get('succeeded')) or bool(ended & {'Succeeded', 'Failed'})

    @property
    def id(self) -> str | None:
        return _views.name(self._raw)

    def create(self, namespace: str | None, name: str | None, image: str | None, **kw: Any) -> Any:
        """Return the job. `version` says for which API; `workers`, `ps` and `masters` are the numbers of replicas.

        Raises:
            ValueError: an unknown version, or `tb_gs` for v1, which starts no TensorBoard.
        """
        version = kw.get('version') or VERSIONS[0]
        if version not in VERSIONS:
            raise ValueError(f'cannot make TFJob {name} of version {version!r}: known are {", ".join(VERSIONS)}')
        if version != VERSIONS[0] and kw.get('tb_gs'):
            raise ValueError(
                f'cannot make TFJob {name} with tb_gs: {GROUP}/{version} starts no TensorBoard, deploy one'
            )
        spec = _alpha(name, image, kw) if version == VERSIONS[0] else _stable(image, kw)
        return {'kind': 'TFJob', 'metadata': {'name': name, 'namespace': namespace}, 'spec': spec}

    def get_payload(self) -> Any:
        """Return what the environment variable PAYLOAD of the first replica's container says; None without one."""
        spec = self._raw.get('spec') or {}
        replicas = spec.get('replicaSpecs') or list((spec.get('tfReplicaSpecs') or {}).values())
        return _views.payload((replicas[0].get('template') or {}).get('spec') or {}) if replicas else None


def _pods(container: dict[str, Any], image: str | None, kw: dict[str, Any]) -> dict[str, Any]:
    made = _templates.container(container, image, {**kw, 'envvars': kw.get('envvars') or kw.get('envs') or None})
    made['resources'] = {'limits': made['resources']['limits']}
    return {'spec': {'containers': [made], 'restartPolicy': 'OnFailure', **_templates.pod_spec(kw)}}


def _count(kw: dict[str, Any], keyword: str) -> int:
    return 1 if kw.get(keyword) is None else int(kw[keyword])


def _alpha(name: str | None, image: str | None, kw: dict[str, Any]) -> dict[str, Any]:
    pods = _pods({'name': name}, image, kw)
    spec: dict[str, Any] = {
        'replicaSpecs': [
            {'replicas': _count(kw, 'workers'), 'tfReplicaType': 'WORKER', 'template': pods},
            {'replicas': _count(kw, 'masters'), 'tfReplicaType': 'MASTER', 'template': pods},
            {'replicas': _count(kw, 'ps'), 'tfReplicaType': 'PS'},
        ]
    }
    if kw.get('tb_gs'):
        spec['tensorboard'] = {'logDir': kw['tb_gs']}
    return spec


def _stable(image: str | None, kw: dict[str, Any]) -> dict[str, Any]:
    template = _pods({'name': _CONTAINER}, image, kw)
    pods = {key: value for key, value in template['spec'].items() if key != 'restartPolicy'}
    counts = {'Worker': _count(kw, 'workers'), 'Chief': _count(kw, 'masters'), 'PS': _count(kw, 'ps')}
    return {
        'tfReplicaSpecs': {
            kind: {'replicas': count, 'restartPolicy': 'OnFailure', 'template': {'spec': pods}}
            for kind, count in counts.items()
            if count
        }
    }
