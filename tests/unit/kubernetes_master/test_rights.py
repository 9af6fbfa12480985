from pathlib import Path

import pytest
import yaml
from charms.layer.kubernetes_master import rights, settings

CONFIG = Path(__file__).parents[3] / 'layers/kubernetes-master/config.yaml'


def test_the_user_of_the_api_servers_certificate_may_log_exec_and_proxy():
    made = rights.objects('kubernetes-master')
    (rule,) = made['clusterroles']['rules']
    assert {'nodes/proxy', 'nodes/log', 'nodes/metrics', 'nodes/stats', 'nodes/spec'} <= set(rule['resources'])
    assert {'get', 'create'} <= set(rule['verbs'])  # a log is got, an exec created
    binding = made['clusterrolebindings']
    assert binding['roleRef']['name'] == made['clusterroles']['metadata']['name']
    assert 'system:kube-apiserver' in [subject['name'] for subject in binding['subjects']]


def test_applications_do_not_share_their_objects():
    one, other = rights.objects('a'), rights.objects('b')
    for collection in one:
        assert one[collection]['metadata']['name'] != other[collection]['metadata']['name']


@pytest.mark.parametrize(
    'modes, needed', [('AlwaysAllow', False), ('Node,RBAC', True), ('RBAC', True), ('Node', False)]
)
def test_rights_are_granted_where_rbac_decides(modes, needed):
    declared = yaml.safe_load(CONFIG.read_text())['options']
    defaults = {name: option.get('default') for name, option in declared.items()} | {'snapd_refresh': 'max'}
    given = settings.read({**defaults, 'authorization-mode': modes}, {}, defaults).settings
    assert rights.are_needed(given) is needed
