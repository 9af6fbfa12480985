"""Leaving the cluster."""

import os

from charmhelpers.core import hookenv
from charms.layer.kubernetes_worker import leave
from charms.reactive import hook, is_flag_set, set_flag


@hook('kube-control-relation-departed')
def leave_while_tokens_are_good(*_):  # charms.reactive hands over the endpoint
    """When this unit itself is going, its node goes now: the control plane is about to revoke its tokens."""
    if os.environ.get('JUJU_DEPARTING_UNIT') == hookenv.local_unit():
        go()


@hook('stop')
def stop():
    go()


def go():
    """Stop the daemons for good and remove the node, as far as the API answers."""
    if not is_flag_set('kubernetes-worker.unit.leaving'):
        set_flag('kubernetes-worker.unit.leaving')
        leave.cluster()
