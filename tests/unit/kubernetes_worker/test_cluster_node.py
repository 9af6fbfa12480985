from charms.layer.kubernetes_worker import cluster_node
from node_cluster import Cluster


def test_fm_31_cordon_and_uncordon_may_be_repeated():
    cluster = Cluster()
    for wanted in (True, True, False, False):
        cluster_node.set_unschedulable(cluster, 'node-a', wanted)
        assert cluster_node.is_cordoned(cluster, 'node-a') is wanted


def test_fm_40_a_label_the_api_refuses_holds_up_no_other():
    cluster = Cluster()
    cluster.forbidden = {'node-role.kubernetes.io/x'}
    refused = cluster_node.set_labels(cluster, 'node-a', {'a': '1', 'node-role.kubernetes.io/x': '', 'b': '2'})
    ((named, reason),) = refused
    assert named == 'node-role.kubernetes.io/x' and named in reason
    assert cluster.node['metadata']['labels'] == {'a': '1', 'b': '2'}
