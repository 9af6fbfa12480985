"""The cluster as a member of a hub: deciders that only compute, and doors.

Pure: `agent`, `bootstrap`, `objects`, `settings`, `status`. Doors: `access` and `cluster` (this cluster's API),
`membership` (leader data), `service` (the agent on this machine), `seal` (a key), `unit` (Juju), `actions`.

The agent has a service account of its own, with a token in a secret: its coming and going restarts nothing. The charm
that includes this layer sets `hub-registration.access.available` in each hook in which its API server answers.
"""

ACCOUNT = 'hub-registration'  # the agent's, in NAMESPACE
FOLDER = '/root/cdk/hub-registration'
KUBECONFIG = f'{FOLDER}/kubeconfig'  # with that account's token
NAMESPACE = 'open-cluster-management-agent'  # of its secrets
