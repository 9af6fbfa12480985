"""The API server's rights on nodes, where RBAC decides."""

import json

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import api, records
from charms.layer.kubernetes_master import rights, unit
from charms.reactive import when

RECORD = 'rights'


@when('kubernetes-master.control-plane.current', 'leadership.is_leader')
def grant_rights():
    """Create or delete what grants them, once; when the API does not answer, a later hook tries again."""
    needed, wanted = rights.are_needed(unit.options().settings), rights.objects(hookenv.application_name())
    state = unit.digest(json.dumps(wanted)) if needed else None
    if records.get(RECORD) == state:
        return
    client = unit.client()
    try:
        for collection, body in wanted.items():
            _put(client, collection, body) if needed else _delete(client, collection, body)
    except api.Error as error:
        hookenv.log(f'the rights of the API server on nodes stay as they were for now: {error}', hookenv.WARNING)
        return
    records.put(RECORD, state)


def _put(client, collection, body):
    try:
        client.create(collection, body, group=rights.API)
    except api.Conflict:
        client.replace(collection, body['metadata']['name'], body, group=rights.API)


def _delete(client, collection, body):
    try:
        client.delete(collection, body['metadata']['name'], group=rights.API)
    except api.NotFound:
        return
