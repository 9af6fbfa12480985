"""Options reach the real processes, and a kubelet that is started again leaves pods alone."""

from __future__ import annotations

from tests.e2e.cluster import WORKERS, Real, names, restarts, web
from tests.model.cluster import WORKER


def test_a_changed_kubelet_configuration_is_what_the_kubelet_runs_with_and_no_pod_is_restarted(real: Real) -> None:
    real.apply(web('steady', 4))
    pods = real.until_running('app=steady', 4)
    containers = {unit: real.containers(unit) for unit in WORKERS}
    kubelets = {unit: real.pid(unit, 'snap.kubelet.daemon') for unit in WORKERS}
    before = real.configz(WORKERS[0])['maxPods']
    assert before != 77
    real.juju('config', WORKER, 'kubelet-extra-config={maxPods: 77, evictionHard: {memory.available: 120Mi}}')
    for unit in WORKERS:
        assert real.pid(unit, 'snap.kubelet.daemon') != kubelets[unit]
        assert real.eventually(lambda unit=unit: real.configz(unit).get('maxPods') == 77)  # type: ignore[misc]
        assert real.configz(unit)['evictionHard']['memory.available'] == '120Mi'
    real.until_ready(2)
    assert {unit: real.containers(unit) for unit in WORKERS} == containers
    after = real.until_running('app=steady', 4)
    assert (names(after), restarts(after)) == (names(pods), dict.fromkeys(names(pods), 0))
    real.juju('config', WORKER, '--reset', 'kubelet-extra-config')
    assert real.eventually(lambda: real.configz(WORKERS[0]).get('maxPods') == before)
    real.delete('deployment/steady')


def test_arguments_of_kube_proxy_are_what_it_runs_with(real: Real) -> None:
    unit = WORKERS[0]
    before = real.proxy_configz(unit)
    assert (before['HostnameOverride'], before['ClusterCIDR'][-3:]) == (real.node_of(unit), '/16')
    real.juju('config', WORKER, 'proxy-extra-args=iptables-masquerade-bit=15 v=1')
    assert real.eventually(lambda: real.proxy_configz(unit).get('IPTables', {}).get('MasqueradeBit') == 15)
    after = real.proxy_configz(unit)
    assert after == {**before, 'IPTables': {**before['IPTables'], 'MasqueradeBit': 15}}
    real.juju('config', WORKER, '--reset', 'proxy-extra-args')
    assert real.eventually(lambda: real.proxy_configz(unit) == before)


def test_labels_are_on_the_nodes_and_go_again(real: Real) -> None:
    def labels() -> dict[str, str]:
        return dict(real.get('node', real.node_of(WORKERS[0]))['metadata']['labels'])

    before = labels()
    real.juju('config', WORKER, 'labels=disk=ssd zone=a')
    assert labels() == {**before, 'disk': 'ssd', 'zone': 'a'}
    real.juju('config', WORKER, '--reset', 'labels')
    assert labels() == before


def test_docker_runs_with_its_options_and_its_proxy(real: Real) -> None:
    def told(what: str) -> str:
        return real.shell(WORKERS[0], f"docker info --format '{{{{.{what}}}}}'").strip()

    assert told('HTTPProxy') == ''
    real.juju(
        'config', WORKER, 'docker-opts=--label=rack=a1', 'http_proxy=http://10.87.0.1:3128', 'no_proxy=10.87.0.0/16'
    )
    assert real.eventually(lambda: told('HTTPProxy') == 'http://10.87.0.1:3128')
    assert (told('NoProxy'), told('Labels')) == ('10.87.0.0/16', '[rack=a1]')
    real.juju('config', WORKER, '--reset', 'docker-opts,http_proxy,no_proxy')
    assert real.eventually(lambda: (told('HTTPProxy'), told('Labels')) == ('', '[]'))
    real.until_ready(2)
