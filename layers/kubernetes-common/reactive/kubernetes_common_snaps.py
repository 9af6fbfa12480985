"""The ways to the snap store, before anything is installed from it."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_common import snap_access

hookenv.atstart(snap_access.converge)
