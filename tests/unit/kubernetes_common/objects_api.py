"""A stand-in for the API: objects with state."""

import copy

from charms.layer.kubernetes_common import api


class Api:
    """Objects by resource and name, one namespace; it remembers the writes."""

    def __init__(self):
        self.objects = {}
        self.writes = []
        self.immutable = set()

    def get(self, resource, name, *, namespace='', group='v1'):
        if (resource, name) not in self.objects:
            raise api.NotFound('GET', 404, f'{name} not found')
        return copy.deepcopy(self.objects[resource, name])

    def list(self, resource, *, group='v1', labels=''):
        label = labels.partition('=')[0]
        found = [body for (kind, _), body in self.objects.items() if kind == resource]
        return [body for body in found if label in body['metadata'].get('labels', {})]

    def create(self, resource, body, *, namespace='', group='v1'):
        self.writes.append(('create', resource, body['metadata']['name']))
        if (resource, body['metadata']['name']) in self.objects:
            raise api.Conflict('POST', 409, 'already exists')
        self.objects[resource, body['metadata']['name']] = copy.deepcopy(body)

    def patch(self, resource, name, body, *, namespace='', group='v1'):
        self.writes.append(('patch', resource, name))
        if name in self.immutable:
            raise api.Invalid('PATCH', 422, 'field is immutable')
        merge(self.objects[resource, name], body)

    def delete(self, resource, name, *, namespace='', group='v1'):
        self.writes.append(('delete', resource, name))
        if self.objects.pop((resource, name), None) is None:
            raise api.NotFound('DELETE', 404, f'{name} not found')


def merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
