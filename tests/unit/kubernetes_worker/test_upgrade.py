import pytest
from charms.layer.kubernetes_worker import upgrade
from charms.layer.kubernetes_worker.upgrade import Step

OLD = {'kubelet': 'channel:1.12/stable', 'kube-proxy': 'channel:1.12/stable'}
NEW = {'kubelet': 'channel:1.13/stable', 'kube-proxy': 'channel:1.13/stable'}
NONE = {'kubelet': '', 'kube-proxy': ''}
HALF = {'kubelet': 'channel:1.12/stable', 'kube-proxy': ''}


@pytest.mark.parametrize(
    'wanted, installed, manual, requested, step',
    [
        (OLD, NONE, True, False, Step.INSTALL),
        (OLD, HALF, True, False, Step.INSTALL),
        (OLD, OLD, True, False, Step.NOTHING),
        (OLD, OLD, True, True, Step.NOTHING),
        (NEW, OLD, True, False, Step.ASK),
        (NEW, OLD, True, True, Step.INSTALL),
        (NEW, OLD, False, False, Step.INSTALL),
    ],
)
def test_fm_58_only_another_source_asks_and_only_while_upgrades_are_manual(wanted, installed, manual, requested, step):
    assert upgrade.step(wanted, installed, manual=manual, requested=requested) is step
