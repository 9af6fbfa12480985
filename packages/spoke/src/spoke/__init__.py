"""The spoke agent: register a cluster with an Open Cluster Management hub, and keep it there.

    options = spoke.SpokeAgentOptions(bootstrap_kubeconfig='/spoke/bootstrap/kubeconfig')
    config = spoke.SpokeAgentConfig(spoke.AgentOptions(spoke_cluster_name='edge-7'), options)
    management = aioclustermanager.kubernetes.kubeconfig.load('management.kubeconfig')
    await config.run_spoke_agent(spoke.ControllerContext(management))

Built on aioclustermanager and cryptography. It touches the three clusters it is told of, the folder of the hub's
kubeconfig, and nothing else; no two agents in a process share anything that they were not given.

The variables below are read when an agent is made: whoever wants other intervals, a test for one, sets them before.
"""

from ._config import ControllerContext, SpokeAgentConfig
from ._events import Recorder
from ._intervals import Intervals
from ._options import AgentOptions, InvalidOptions, SpokeAgentOptions
from ._running import Following

_DEFAULTS = Intervals()
controller_resync_interval = _DEFAULTS.controller_resync_interval
creating_controller_sync_interval = _DEFAULTS.creating_controller_sync_interval
recreation_delay = _DEFAULTS.recreation_delay
addon_lease_controller_sync_interval = _DEFAULTS.addon_lease_controller_sync_interval
addon_lease_controller_lease_duration_seconds = _DEFAULTS.addon_lease_controller_lease_duration_seconds
addon_registration_sync_interval = _DEFAULTS.addon_registration_sync_interval
client_cert_health_check_interval = _DEFAULTS.client_cert_health_check_interval
bootstrap_poll_interval = _DEFAULTS.bootstrap_poll_interval
denied_request_backoff = _DEFAULTS.denied_request_backoff
terminate_on_files_interval = _DEFAULTS.terminate_on_files_interval
retry_first = _DEFAULTS.retry_first
retry_longest = _DEFAULTS.retry_longest
call_timeout = _DEFAULTS.call_timeout

__all__ = [
    'AgentOptions',
    'ControllerContext',
    'Following',
    'InvalidOptions',
    'Recorder',
    'SpokeAgentConfig',
    'SpokeAgentOptions',
]
