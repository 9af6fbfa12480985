"""The control plane: deciders that only compute, and `unit`, the door to what Juju knows of this unit.

Pure: `tokens`, `grants`, `settings`, `daemons`, `addons`, `names`, `rights`, `status`.
"""

KUBE_CONTROL = 'kube-control'
PORT = 6443
CDK = '/root/cdk'
