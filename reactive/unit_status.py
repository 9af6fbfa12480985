"""The unit's status: said once, when the hook ends."""

from charmhelpers.core import hookenv
from charms.layer.kubernetes_worker import report

hookenv.atexit(report.status)
