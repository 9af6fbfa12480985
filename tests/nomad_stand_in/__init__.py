"""A stand-in for a Nomad cluster, built from HashiCorp's public API documents: for tests, and to try clients against.

It keeps jobs, allocations, evaluations, deployments, nodes and namespaces in memory, decides what runs as the
scheduler would, and answers the HTTP API under /v1: blocking queries really block, X-Nomad-Index grows with each
write, pages, tokens, namespaces and regions are enforced, the event stream has a buffer of limited length. Tasks of
the driver raw_exec are executed, on this machine as it is; others do what their `Program` says. `NomadStandIn.faults`
breaks requests on demand.

Left out: Consul, Vault, CSI and variables; filter expressions (501); plans, versions and reverts; canaries and
promotion; draining and lost nodes; system jobs; the cron of periodic jobs (only `periodic/force` launches them);
garbage collection; quotas and everything of the Enterprise edition; a job's networks, templates and volumes (kept,
without effect); constraints other than datacenter and memory; exec.

    python -m tests.nomad_stand_in --port 4646
"""

from ._access import READ, WRITE, Token
from ._faults import Fault, Faults
from ._scheduler import Program
from ._server import NomadStandIn

__all__ = ['READ', 'WRITE', 'Fault', 'Faults', 'NomadStandIn', 'Program', 'Token']
