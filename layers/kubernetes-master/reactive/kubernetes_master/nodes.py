"""Nodes of units that have left."""

import json

from charmhelpers.core import hookenv
from charms import leadership
from charms.layer.kubernetes_common import api
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
