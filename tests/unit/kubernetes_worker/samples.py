"""Facts of a worker that lacks nothing; tests take something away."""

import dataclasses

from charms.layer.kubernetes_worker.facts import (
    Cluster,
    Credentials,
    Dns,
    Facts,
    Machine,
    Program,
    Programs,
    Relations,
    Settings,
)

CLUSTER = Cluster(
    server='https://10.0.0.1:443',
    ca='CA\n',
    server_certificate='CERT\n',
    server_key='KEY\n',
    credentials=Credentials('system:node:node-a', 'k' * 32, 'p' * 32, 'c' * 32),
    dns=Dns('cluster.local', '10.152.183.10'),
    cidr='10.1.0.0/16',
)
MACHINE = Machine(node='node-a', address='10.0.0.7')
READY = Facts(
    relations=Relations(True, True, True, True),
    cluster=CLUSTER,
    machine=MACHINE,
    programs=Programs(Program('kubelet', (1, 12, 10)), Program('kube-proxy', (1, 12, 10))),
    runtime=True,
    cni_plugins=True,
    settings=Settings(),
)


def lacking(**changes):
    """Return the facts with some of the cluster's taken away."""
    return dataclasses.replace(READY, cluster=dataclasses.replace(CLUSTER, **changes))
