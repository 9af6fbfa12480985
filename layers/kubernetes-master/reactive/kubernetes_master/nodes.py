"""What units that have left leave in the cluster: their nodes, and with the last one the application's ingress."""

import json

from charmhelpers.core import hookenv
from charms import leadership
from charms.layer.kubernetes_common import api, ingress_objects
from charms.layer.kubernetes_master import nodes, unit
from charms.reactive import when


@when('kubernetes-master.control-plane.current', 'leadership.is_leader', f'leadership.set.{nodes.LEFT}')
def delete_left_nodes():
    """Delete the nodes of units that have left; when the API does not answer, a later hook tries again."""
    for name in json.loads(leadership.leader_get(nodes.LEFT) or '[]'):
        try:
            unit.client().delete('nodes', name)
        except api.NotFound:
            continue
        except api.Error as error:
            hookenv.log(f'node {name} of a unit that left stays for now: {error}', hookenv.WARNING)
            return
    leadership.leader_set({nodes.LEFT: None})


@when('kubernetes-master.control-plane.current', 'leadership.is_leader', f'leadership.set.{nodes.LEFT_APPLICATIONS}')
def delete_left_ingresses():
    """Delete the ingresses of applications without a worker; when the API does not answer, a later hook tries again."""
    client = unit.client()
    for app in json.loads(leadership.leader_get(nodes.LEFT_APPLICATIONS) or '[]'):
        try:
            done = ingress_objects.remove(client, app, *ingress_objects.groups(client))
        except api.Error as error:
            hookenv.log(f'the ingress of {app}, which has left, stays for now: {error}', hookenv.WARNING)
            return
        if done:
            hookenv.log(f'ingress of {app}, which has left: {"; ".join(done)}')
    leadership.leader_set({nodes.LEFT_APPLICATIONS: None})
