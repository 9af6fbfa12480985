"""The cluster as a member of a hub: deciders that only compute, and doors.

Pure: `agent`, `bootstrap`, `objects`, `settings`, `status`. Doors: `access` and `cluster` (this cluster's API),
`membership` (leader data), `service` (the agent on this machine), `seal` (a key), `unit` (Juju), `actions`.

The charm that includes this layer lets the agent in: while `membership.read().wants_access`, its API server knows the
user `USER` by a token of its own, and the leader writes `KUBECONFIG` for it. In each hook in which the API server
answers it sets `hub-registration.access.available`.
"""

USER = 'hub-registration'  # the agent's, on this cluster's API server
FOLDER = '/root/cdk/hub-registration'
KUBECONFIG = f'{FOLDER}/kubeconfig'  # for that user
NAMESPACE = 'open-cluster-management-agent'  # of its secrets
