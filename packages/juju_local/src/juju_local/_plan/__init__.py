"""What a user's verb does to a model: one function per verb.

Each is refused (`Refused`) before it changes anything, or records its change, touches what it changed and draws the
consequences that need no hook. Pure: files are copied, and hooks run, by others.
"""

from juju_local._errors import Refused
from juju_local._plan._applications import (
    deploy,
    expose,
    remove_application,
    reset_config,
    set_config,
    set_constraints,
    set_trust,
    unexpose,
)
from juju_local._plan._charms import add_charm, attach_resource, upgrade_charm
from juju_local._plan._find import application, find_relation, unit
from juju_local._plan._model import new_model, reset_model_config, set_leader, set_model_config, tick
from juju_local._plan._relate import candidates, relate, remove_relation
from juju_local._plan._tasks import cancel, queue_action, queue_command
from juju_local._plan._units import add_unit, rebooted, remove_unit, resolved

__all__ = [
    'Refused',
    'add_charm',
    'add_unit',
    'application',
    'attach_resource',
    'cancel',
    'candidates',
    'deploy',
    'expose',
    'find_relation',
    'new_model',
    'queue_action',
    'queue_command',
    'rebooted',
    'relate',
    'remove_application',
    'remove_relation',
    'remove_unit',
    'reset_config',
    'reset_model_config',
    'resolved',
    'set_config',
    'set_constraints',
    'set_leader',
    'set_model_config',
    'set_trust',
    'tick',
    'unexpose',
    'unit',
    'upgrade_charm',
]
