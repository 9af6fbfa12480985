"""FM-48 to FM-54: the container runtime: cards, logins, switching, proxies, forwarding, where images come from."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.model import parties
from tests.model.cluster import MASTER, WORKER, Cluster
from tests.model.parties import act, config

pytestmark = [pytest.mark.slow, pytest.mark.one_cluster, pytest.mark.usefixtures('no_hook_fails')]

UNIT, OTHER = f'{WORKER}/0', f'{WORKER}/1'
KUBELET = 'snap.kubelet.daemon'
API = 'snap.kube-apiserver.daemon'
CALLS = '/var/lib/stand-in/calls.log'
FAIL = '/var/lib/stand-in/fail'
LOGINS = '/root/.docker/config.json'
ENVIRONMENT = '/root/cdk/runtime.env'
SECRET = 'correct-horse'


def hook(cluster: Cluster, unit: str = UNIT) -> None:
    act(cluster, 'update-status', unit)


def fail(cluster: Cluster, program: str, **rule: Any) -> None:
    """Make a program fail on the first worker's machine."""
    cluster.shell(UNIT, f'mkdir -p {FAIL}; cat > {FAIL}/{program}.json', stdin=json.dumps([rule]))


def mend(cluster: Cluster) -> None:
    cluster.shell(UNIT, f'rm -f {FAIL}/*')


def calls(cluster: Cluster, since: int = 0) -> list[str]:
    """Return the programs that were run on the first worker's machine, each as one line."""
    lines = cluster.shell(UNIT, f'tail -n +{since + 1} {CALLS}').splitlines()
    return [' '.join([call['program'], *call['arguments']]) for call in map(json.loads, lines)]


def count(cluster: Cluster) -> int:
    return int(cluster.shell(UNIT, f'wc -l < {CALLS}'))


def dockers(cluster: Cluster, unit: str = UNIT) -> set[str]:
    """Return the installed packages that are a docker."""
    listed = cluster.shell(
        unit, "dpkg-query -W -f '${db:Status-Abbrev}${Package}\\n' 'docker*' 'nvidia-docker*'", check=False
    )
    found = {line.split()[1] for line in listed.splitlines() if line[1] == 'i'}
    return found & {'docker.io', 'docker-ce', 'nvidia-docker2'}


def pids(cluster: Cluster, *services: str) -> list[str]:
    return [cluster.pid(UNIT, service) for service in services or ('docker', KUBELET)]


def is_cordoned(cluster: Cluster) -> bool:
    return bool(cluster.kubectl('get', 'node', cluster.node_of(UNIT), '-o', 'json')['spec'].get('unschedulable'))


def is_ready(cluster: Cluster) -> bool:
    return cluster.is_ready(UNIT)


# -- where docker comes from


def test_fm_51_docker_is_switched_while_the_kubelet_rests_and_the_node_is_cordoned(cluster: Cluster) -> None:
    before = pids(cluster)
    config(cluster, 'docker_runtime=apt')  # what auto had chosen
    assert pids(cluster) == before and dockers(cluster) == {'docker.io'}

    start = count(cluster)
    config(cluster, 'docker_runtime=upstream')
    assert dockers(cluster) == {'docker-ce'}
    assert 'docker-ce' in cluster.shell(UNIT, 'apt-mark showhold')
    ran = calls(cluster, start)
    steps = [
        next(i for i, call in enumerate(ran) if call.startswith('apt-get') and '--download-only' in call),
        ran.index(f'systemctl stop {KUBELET}'),
        next(i for i, call in enumerate(ran) if '--no-install-recommends docker-ce docker.io-' in call),
        ran.index('docker version'),
        ran.index(f'systemctl start {KUBELET}'),
    ]
    assert steps == sorted(steps)
    assert is_ready(cluster) and not is_cordoned(cluster)
    log = cluster.juju('debug-log', '--replay', '-i', UNIT)
    assert 'switching docker to upstream' in log and 'no pod moves to another node' in log
    assert cluster.status(UNIT)[0] == 'active'

    before = pids(cluster)
    hook(cluster)
    assert pids(cluster) == before


def test_fm_51_what_cannot_be_fetched_touches_nothing_and_what_cannot_be_installed_is_put_back(
    cluster: Cluster,
) -> None:
    config(cluster, 'docker_runtime=upstream')
    before = pids(cluster)
    fail(cluster, 'apt-get', match='--download-only', code=100, stderr='E: Unable to fetch some archives', times=-1)
    config(cluster, 'docker_runtime=apt')
    assert pids(cluster) == before
    state, message = cluster.status(UNIT)
    assert state == 'waiting' and 'Unable to fetch some archives' in message
    assert dockers(cluster, OTHER) == {'docker.io'}

    fail(
        cluster,
        'apt-get',
        match='--no-install-recommends docker.io docker-ce-',
        code=100,
        stderr='E: dpkg was interrupted',
    )
    hook(cluster)
    assert dockers(cluster) == {'docker-ce'} and pids(cluster, 'docker') == before[:1]
    state, message = cluster.status(UNIT)
    assert state == 'waiting' and 'docker from apt' in message and 'dpkg was interrupted' in message
    assert is_ready(cluster) and not is_cordoned(cluster)

    hook(cluster)
    assert dockers(cluster) == {'docker.io'} and cluster.status(UNIT)[0] == 'active'
    assert is_ready(cluster) and not is_cordoned(cluster)


def test_fm_51_a_switch_that_waits_for_the_api_disturbs_nothing(cluster: Cluster) -> None:
    config(cluster, 'docker_runtime=apt')
    before = pids(cluster)
    cluster.shell(f'{MASTER}/0', f'systemctl stop {API}')
    config(cluster, 'docker_runtime=upstream')
    assert pids(cluster) == before and cluster.status(UNIT)[0] == 'waiting'
    cluster.shell(f'{MASTER}/0', f'systemctl start {API}')
    cluster.until_api_answers()
    hook(cluster)
    hook(cluster, OTHER)
    assert dockers(cluster) == {'docker-ce'} and cluster.status(UNIT)[0] == 'active'
    config(cluster, 'docker_runtime=auto')


def test_fm_51_a_switch_whose_hook_was_killed_is_ended_by_the_next(cluster: Cluster) -> None:
    last, start = cluster.last_run(), count(cluster)
    cluster.kubectl('cordon', cluster.node_of(OTHER))  # by hand: it must stay so
    fail(cluster, 'apt-get', match='--no-install-recommends docker-ce docker.io-', delay_s=100)
    process = cluster.start('--quiet', 'config', WORKER, 'docker_runtime=upstream', JUJU_LOCAL_PATIENCE='0')
    try:
        replacing = '--no-install-recommends docker-ce docker.io-'
        assert cluster.eventually(lambda: any(replacing in call for call in calls(cluster, start)))
        assert is_cordoned(cluster)
    finally:
        cluster.shell(UNIT, 'pkill -9 -f [h]ooks/config-changed; pkill -9 -f "[d]ocker-ce docker.io-"', check=False)
        process.communicate(timeout=200)
    if cluster.status(UNIT)[0] == 'error':  # or it was tried again at once
        act(cluster, 'resolved', UNIT)
    assert [run.name for run in cluster.runs(UNIT, last) if run.reason] == ['config-changed']
    assert dockers(cluster) == {'docker-ce'}
    assert is_ready(cluster) and not is_cordoned(cluster)
    other = cluster.kubectl('get', 'node', cluster.node_of(OTHER), '-o', 'json')
    assert other['spec'].get('unschedulable')
    cluster.kubectl('uncordon', cluster.node_of(OTHER))
    config(cluster, 'docker_runtime=auto')


def give_cards(cluster: Cluster, *cards: str) -> None:
    """Put graphics cards into the first worker's machine."""
    script = (
        'import json, sys; p = "/usr/lib/juju-local/machine.json"; d = json.load(open(p)); d["gpus"] = sys.argv[1:]'
    )
    cluster.shell(UNIT, f'python3 -c \'{script}; open(p, "w").write(json.dumps(d))\' {" ".join(cards)}')


def labels(cluster: Cluster) -> dict[str, str]:
    found: dict[str, str] = cluster.kubectl('get', 'node', cluster.node_of(UNIT), '-o', 'json')['metadata']['labels']
    return found


def privileged(cluster: Cluster) -> list[str]:
    """Return whether the control plane lets privileged pods in, which it does for the sake of cards alone."""
    lines = cluster.read(f'{MASTER}/0', '/var/snap/kube-apiserver/current/args').splitlines()
    return [line for line in lines if line.startswith('--allow-privileged')]


def test_fm_48_51_a_card_of_nvidias_brings_its_docker_and_labels_and_both_go_again(cluster: Cluster) -> None:
    before = privileged(cluster)
    give_cards(cluster, 'amd', 'intel')
    config(cluster, 'labels=look=1')
    assert dockers(cluster) == {'docker.io'}

    give_cards(cluster, 'amd', 'nvidia')
    fail(cluster, 'nvidia-smi', match='', code=9, stdout='NVIDIA-SMI has failed', times=-1)
    config(cluster, 'labels=look=2')
    assert dockers(cluster) == {'docker-ce', 'nvidia-docker2'} and dockers(cluster, OTHER) == {'docker.io'}
    assert '"--default-runtime=nvidia"' in cluster.shell(UNIT, 'cat /etc/systemd/system/docker.service.d/*')
    assert cluster.shell(UNIT, "docker info --format '{{.DefaultRuntime}}'").strip() == 'nvidia'
    assert cluster.bag('kube-control', UNIT)['gpu'] == 'False'
    state, message = cluster.status(UNIT)
    assert state == 'active' and 'driver does not answer' in message

    mend(cluster)
    hook(cluster)
    assert cluster.bag('kube-control', UNIT)['gpu'] == 'True'
    assert (labels(cluster)['gpu'], labels(cluster)['cuda']) == ('true', 'true')
    assert 'DevicePlugins: true' in cluster.read(UNIT, '/root/cdk/kubelet/config.yaml')
    assert cluster.status(UNIT) == ('active', 'Kubernetes worker running.')

    # the driver fails while the API is away
    started = parties.restarts(cluster, UNIT, KUBELET)
    cluster.shell(f'{MASTER}/0', f'systemctl stop {API}')
    fail(cluster, 'nvidia-smi', match='', code=9, times=-1)
    config(cluster, 'labels=look=3')
    assert cluster.bag('kube-control', UNIT)['gpu'] == 'False' and cluster.status(UNIT)[0] == 'waiting'
    cluster.shell(f'{MASTER}/0', f'systemctl start {API}')
    cluster.until_api_answers()
    hook(cluster)
    assert not {'gpu', 'cuda'} & set(labels(cluster)) and labels(cluster)['look'] == '3'
    assert parties.restarts(cluster, UNIT, KUBELET) == started + 1
    mend(cluster)
    hook(cluster)
    assert (labels(cluster)['gpu'], privileged(cluster)) == ('true', ['--allow-privileged'])

    started = parties.restarts(cluster, UNIT, KUBELET)
    config(cluster, 'docker_runtime=apt')
    assert dockers(cluster) == {'docker.io'} and privileged(cluster) == before
    assert cluster.bag('kube-control', UNIT)['gpu'] == 'False'
    assert not {'gpu', 'cuda'} & set(labels(cluster))
    assert 'DevicePlugins' not in cluster.read(UNIT, '/root/cdk/kubelet/config.yaml')
    assert parties.restarts(cluster, UNIT, KUBELET) == started + 1
    give_cards(cluster)
    config(cluster, 'docker_runtime=auto', '--reset', 'labels')
    assert is_ready(cluster) and not is_cordoned(cluster)


# -- what it runs with


def test_a_flag_that_docker_lacks_blocks_and_a_value_that_it_refuses_is_taken_back(cluster: Cluster) -> None:
    config(cluster, 'docker-opts=--insecure-registry=a.b:5000 --label x=1')
    assert 'a.b:5000' in cluster.shell(UNIT, "docker info --format '{{json .RegistryConfig}}'")
    before = pids(cluster)
    config(cluster, 'docker-opts=--insecure=a')
    assert cluster.status(UNIT)[0] == 'blocked' and 'has no flag --insecure' in cluster.status(UNIT)[1]
    assert pids(cluster) == before

    config(cluster, 'docker-opts=--default-runtime=none')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and message.startswith('docker-opts: docker did not start with it')
    assert cluster.shell(UNIT, 'systemctl is-active docker').strip() == 'active'
    after = pids(cluster)
    hook(cluster)
    assert pids(cluster) == after and cluster.status(UNIT) == (state, message)
    config(cluster, '--reset', 'docker-opts')
    assert cluster.status(UNIT)[0] == 'active'
    assert 'a.b:5000' not in cluster.shell(UNIT, "docker info --format '{{json .RegistryConfig}}'")


def test_fm_52_a_list_that_is_too_long_leaves_docker_alone_and_a_legal_one_restarts_it_once(cluster: Cluster) -> None:
    before = pids(cluster), cluster.digest(UNIT, ENVIRONMENT)
    addresses = ','.join(f'10.20.30.{n}' for n in range(256))
    config(cluster, f'no_proxy={addresses}')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and f'no_proxy: is {len(addresses)} characters long' in message
    assert (pids(cluster), cluster.digest(UNIT, ENVIRONMENT)) == before

    legal = addresses[:2022].rpartition(',')[0]
    restarts = parties.restarts(cluster, UNIT, 'docker')
    proxy = f'http://me:{SECRET}@proxy:3128'
    config(cluster, f'no_proxy={legal}', f'http_proxy={proxy}')
    assert parties.restarts(cluster, UNIT, 'docker') == restarts + 1
    assert cluster.shell(UNIT, "docker info --format '{{.NoProxy}}'").strip() == legal
    assert cluster.shell(UNIT, "docker info --format '{{.HttpProxy}}'").strip() == proxy
    assert cluster.shell(UNIT, f'stat -c %a {ENVIRONMENT}').strip() == '600'
    assert SECRET not in cluster.shell(UNIT, 'cat /etc/systemd/system/docker.service.d/*; systemctl show docker')

    config(cluster, '--reset', 'no_proxy,http_proxy')
    assert cluster.read(UNIT, ENVIRONMENT) == ''
    assert cluster.shell(UNIT, "docker info --format '{{.NoProxy}}'").strip() == ''
    assert parties.restarts(cluster, UNIT, 'docker') == restarts + 2


def policy(cluster: Cluster) -> str:
    return cluster.shell(UNIT, 'iptables -S FORWARD').splitlines()[0].split()[-1]


def test_fm_53_forwarding_works_after_docker_was_restarted_outside_any_hook_and_a_held_lock(cluster: Cluster) -> None:
    cluster.shell(UNIT, 'systemctl restart docker')
    assert policy(cluster) == 'ACCEPT'
    cluster.shell(
        UNIT, 'iptables -P FORWARD DROP; flock /run/xtables.lock sleep 14 & systemctl restart --no-block docker'
    )
    hook(cluster)
    assert cluster.eventually(lambda: policy(cluster) == 'ACCEPT')
    assert cluster.shell(UNIT, 'systemctl is-active docker').strip() == 'active'


# -- logins


def logins(cluster: Cluster) -> set[str]:
    return set(json.loads(cluster.read(UNIT, LOGINS)).get('auths', {}))


def entry(server: str, password: str = SECRET) -> dict[str, str]:
    return {'server': server, 'username': 'me', 'password': password}


def set_logins(cluster: Cluster, *entries: dict[str, str], more: tuple[str, ...] = ()) -> None:
    config(cluster, f'docker-logins={json.dumps(entries)}', *more)


def test_fm_49_servers_taken_out_are_left_also_when_docker_restarts_or_a_logout_fails(cluster: Cluster) -> None:
    cluster.shell(UNIT, 'echo by-hand | docker login -u me --password-stdin hand.made')
    set_logins(cluster, entry('one.registry'), entry('two.registry'), entry('three.registry'))
    assert logins(cluster) == {'hand.made', 'one.registry', 'two.registry', 'three.registry'}

    set_logins(cluster, entry('two.registry'), entry('three.registry'), more=('docker-opts=--debug',))
    assert logins(cluster) == {'hand.made', 'two.registry', 'three.registry'}
    fail(cluster, 'docker', match='logout', code=1, stderr='no space left on device')
    set_logins(cluster, entry('three.registry', 'changed-' + SECRET))
    assert logins(cluster) == {'hand.made', 'two.registry', 'three.registry'}
    assert cluster.status(UNIT)[0] == 'waiting' and 'two.registry' in cluster.status(UNIT)[1]
    hook(cluster)
    assert logins(cluster) == {'hand.made', 'three.registry'} and cluster.status(UNIT)[0] == 'active'

    before = count(cluster)
    hook(cluster)
    assert not [call for call in calls(cluster, before) if call.startswith('docker')]
    assert cluster.shell(UNIT, f'stat -c %a {LOGINS}').strip() == '600'
    everywhere = [cluster.juju('debug-log', '--replay'), *calls(cluster), str(cluster.status(UNIT))]
    everywhere.append(cluster.shell(UNIT, 'cat /var/lib/canonical-kubernetes/*'))
    assert not [text for text in everywhere if SECRET in text]
    config(cluster, '--reset', 'docker-logins,docker-opts')
    assert logins(cluster) == {'hand.made'}


@pytest.mark.parametrize('value', [f'no json {SECRET}', json.dumps(entry('a')), json.dumps([{'server': 'a'}])])
def test_fm_50_bad_logins_block_and_change_nothing(cluster: Cluster, value: str) -> None:
    before = logins(cluster), pids(cluster)
    config(cluster, f'docker-logins={value}')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and message.startswith('docker-logins: ') and SECRET not in message
    assert (logins(cluster), pids(cluster)) == before
    config(cluster, 'docker-logins=')
    assert cluster.status(UNIT)[0] == 'active'


def test_fm_50_a_registry_that_refuses_or_is_down_is_named_and_holds_up_no_other(cluster: Cluster) -> None:
    registries = {'refuses.registry': {'users': {'me': 'another'}}, 'down.registry': {'down': True}}
    cluster.shell(UNIT, 'cat > /var/lib/stand-in/registries.json', stdin=json.dumps(registries))
    before = pids(cluster)
    set_logins(cluster, entry('refuses.registry'), entry('good.registry'))
    assert 'good.registry' in logins(cluster) and 'refuses.registry' not in logins(cluster)
    state, message = cluster.status(UNIT)
    assert state == 'waiting' and 'refuses.registry' in message and 'unauthorized' in message
    set_logins(cluster, entry('down.registry'), entry('good.registry'))
    assert cluster.status(UNIT)[0] == 'waiting' and 'down.registry' in cluster.status(UNIT)[1]
    cluster.shell(UNIT, 'rm /var/lib/stand-in/registries.json')
    hook(cluster)
    assert 'down.registry' in logins(cluster) and cluster.status(UNIT)[0] == 'active'
    assert pids(cluster) == before
    config(cluster, '--reset', 'docker-logins')


# -- where images come from


def images(cluster: Cluster) -> tuple[str, list[str]]:
    """Return the image of pause, and those of the ingress."""
    line = cluster.shell(UNIT, f'cat /proc/{cluster.pid(UNIT, KUBELET)}/cmdline').split('\0')
    pause = next((word.partition('=')[2] for word in line if word.startswith('--pod-infra-container-image=')), '')
    items = cluster.kubectl('get', 'daemonsets,deployments', '-n', f'ingress-nginx-{WORKER}', '-o', 'json')['items']
    return pause, sorted(item['spec']['template']['spec']['containers'][0]['image'] for item in items)


def test_fm_54_the_pause_image_and_those_of_the_ingress_follow_the_registry(cluster: Cluster) -> None:
    first = images(cluster)
    assert first[0] == 'image-registry.canonical.com:5000/cdk/pause-amd64:3.1'
    for value, host in (('r.example:5000/k8s/', 'r.example:5000/k8s/'), ('', '')):
        restarts = parties.restarts(cluster, UNIT, KUBELET)
        act(cluster, 'config', MASTER, f'image-registry={value}')
        pause, ingress = images(cluster)
        assert pause == (f'{host}pause-amd64:3.1' if host else '')
        assert all(image.startswith(host or ('quay.io/', 'registry.k8s.io/')) for image in ingress), ingress
        assert not [image for image in [pause, *ingress] if '//' in image]
        assert parties.restarts(cluster, UNIT, KUBELET) == restarts + 1
    act(cluster, 'config', MASTER, '--reset', 'image-registry')
    assert images(cluster) == first


# -- the kernel's command line, and kubelets without dockershim


def test_cgroups_are_switched_on_and_off_by_a_reboot_each(cluster: Cluster) -> None:
    for value in ('true', 'false'):
        booted = cluster.shell(UNIT, 'stat -c %Y /run').strip()
        time.sleep(1.1)  # of this the machine's clock has whole seconds
        config(cluster, f'enable-cgroups={value}')
        assert cluster.eventually(lambda: cluster.status(UNIT)[0] == 'active')
        shown = cluster.shell(UNIT, 'cat /boot/grub/grub.cfg')
        assert ('cgroup_enable=memory swapaccount=1' in shown) == (value == 'true')
        assert cluster.shell(UNIT, 'stat -c %Y /run').strip() != booted
    last = cluster.last_run()
    hook(cluster)
    assert [run.name for run in cluster.runs(UNIT, last)] == ['update-status']
    assert is_ready(cluster)


def test_containerd_serves_a_kubelet_without_dockershim(cluster: Cluster) -> None:
    config(cluster, 'require-manual-upgrade=false', 'channel=1.24/stable', f'http_proxy=http://me:{SECRET}@proxy:1')
    assert cluster.status(UNIT)[0] == 'active', cluster.status(UNIT)
    line = cluster.shell(UNIT, f'cat /proc/{cluster.pid(UNIT, KUBELET)}/cmdline').split('\0')
    assert '--container-runtime-endpoint=unix:///run/containerd/containerd.sock' in line
    text = cluster.read(UNIT, '/etc/containerd/config.toml')
    assert 'sandbox_image = "image-registry.canonical.com:5000/cdk/pause-amd64:3.1"' in text
    assert 'disabled_plugins' not in text
    environment = cluster.shell(UNIT, 'tr "\\0" "\\n" < /proc/$(systemctl show -p MainPID --value containerd)/environ')
    assert f'HTTP_PROXY=http://me:{SECRET}@proxy:1' in environment
    assert is_ready(cluster)

    config(cluster, 'docker-opts=--debug')
    state, message = cluster.status(UNIT)
    assert state == 'blocked' and 'docker-opts' in message and 'channel' in message
    config(cluster, '--reset', 'docker-opts,http_proxy')
    assert cluster.status(UNIT)[0] == 'active'
