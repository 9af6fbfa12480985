"""A stand-in for the API: one node with its pods; and a clock that only sleeping moves."""

import copy

from charms.layer.kubernetes_common import api


class Cluster:
    """A node and its pods, behind the calls of the API client that are used here."""

    def __init__(self, pods=(), version=(1, 12, 10)):
        self.node = {'metadata': {'labels': {}}, 'spec': {}}
        self.pods = {
            pod: {
                'metadata': {
                    'namespace': 'default',
                    'name': pod,
                    'ownerReferences': [{'kind': 'ReplicaSet', 'controller': True}],
                }
            }
            for pod in pods
        }
        self.at = version
        self.guarded = {}  # pod -> evictions that the disruption budget still forbids
        self.groups = set()
        self.forbidden = set()

    def version(self):
        return self.at

    def get(self, resource, name, namespace=''):
        if resource == 'nodes':
            return copy.deepcopy(self.node)
        if name not in self.pods:
            raise api.NotFound('GET', 404, 'no such pod')
        return self.pods[name]

    def list(self, resource, fields):
        assert fields == 'spec.nodeName=node-a'
        return list(self.pods.values())

    def evict(self, namespace, name, group):
        self.groups.add(group)
        if self.guarded.get(name, 0) > 0:
            self.guarded[name] -= 1
            raise api.TooManyRequests('POST', 429, 'budget of web')
        del self.pods[name]

    def patch(self, resource, name, body, kind):
        refused = self.forbidden.intersection(body.get('metadata', {}).get('labels', {}))
        if refused:
            raise api.Forbidden('PATCH', 403, f'not allowed: {refused}')
        self.node['spec'].update(body.get('spec', {}))
        self.node['metadata']['labels'].update(body.get('metadata', {}).get('labels', {}))


class Clock:
    def __init__(self):
        self.time = 0.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
