"""Which packages, files and environment the container runtime gets."""

import shlex

import pytest
from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_worker import docker, docker_options
from charms.layer.kubernetes_worker.docker import Host, Settings
from hypothesis import given
from hypothesis import strategies as st

PLAIN = Host('amd64', 'jammy', '22.04', nvidia=False)
GPU = Host('amd64', 'jammy', '22.04', nvidia=True)
MAINFRAME = Host('s390x', 'jammy', '22.04', nvidia=True)


@pytest.mark.parametrize(
    'choice, host, source',
    [
        ('auto', PLAIN, 'apt'),
        ('auto', GPU, 'nvidia'),
        ('auto', MAINFRAME, 'apt'),
        ('apt', GPU, 'apt'),
        ('upstream', GPU, 'upstream'),
        ('nvidia', PLAIN, 'nvidia'),
    ],
)
def test_auto_follows_the_hardware_and_a_choice_does_not(choice, host, source):
    assert docker.wanted(Settings(choice=choice), host).source == source


def test_each_source_has_one_docker_and_the_archives_it_comes_from():
    found = {name: docker.wanted(Settings(choice=name), GPU) for name in ('apt', 'upstream', 'nvidia')}
    assert [len(one.names & {'docker.io', 'docker-ce'}) for one in found.values()] == [1, 1, 1]
    assert [[archive.name for archive in one.archives] for one in found.values()] == [
        [],
        ['docker'],
        ['docker', 'nvidia', 'cuda'],
    ]
    assert found['nvidia'].driver == ('cuda-repo-ubuntu2204=10.0.130-1', 'cuda-drivers')


def test_packages_may_be_pinned():
    pinned = Settings(choice='nvidia', docker_ce='docker-ce=18.06.1~ce~3-0~ubuntu', cuda_repo='10.1.105-1')
    found = docker.wanted(pinned, GPU)
    assert 'docker-ce=18.06.1~ce~3-0~ubuntu' in found.packages and 'docker-ce' in found.names
    assert found.driver[0] == 'cuda-repo-ubuntu2204=10.1.105-1'


@pytest.mark.parametrize(
    'before, due',
    [
        (['docker-ce=5:18.09.0~3-0~ubuntu', 'nvidia-docker2', 'nvidia-container-runtime'], ['docker-ce']),
        (['docker-ce', 'nvidia-docker2=2.0.3', 'nvidia-container-runtime=3.1'], ['nvidia-container-runtime']),
        (['docker-ce', 'nvidia-docker2', 'nvidia-container-runtime'], []),
        (['docker.io=20.10.12-0ubuntu4'], []),
        ([], []),
    ],
)
def test_a_package_whose_version_was_the_operators_and_is_no_more_is_due_for_the_archives(before, due):
    wanted = docker.wanted(Settings(choice='nvidia', nvidia_docker='nvidia-docker2=2.11.0-1'), GPU)
    assert docker.loosened(wanted, before) == due


def test_an_archive_is_trusted_with_its_own_key_only():
    (archive,) = docker.wanted(Settings(choice='upstream'), PLAIN).archives
    assert archive.line('amd64') == (
        f'deb [arch=amd64 signed-by={archive.keyring}] https://download.docker.com/linux/ubuntu jammy stable\n'
    )


@pytest.mark.parametrize(
    'settings, kubelet, named',
    [
        (Settings(daemon=('--debug',)), (1, 24, 0), {'docker-opts', 'channel'}),
        (Settings(daemon=('--debug',)), (1, 23, 9), set()),
        (
            Settings(choice='upstream', docker_ce='docker-ce=18.06.1~ce~3-0~ubuntu'),
            (1, 24, 0),
            {'docker-ce-package', 'channel'},
        ),
        (Settings(choice='upstream', docker_ce='docker-ce=5:18.09.0~3-0~ubuntu'), (1, 24, 0), set()),
        (Settings(choice='apt', docker_ce='docker-ce=18.06.1~ce~3-0~ubuntu'), (1, 36, 0), set()),
        (Settings(choice='upstream', docker_ce='docker-ce=18.06.1~ce~3-0~ubuntu'), None, set()),
    ],
)
def test_options_that_cannot_go_together_name_both(settings, kubelet, named):
    texts = [str(fault) for fault in docker.clashes(settings, PLAIN, kubelet)]
    assert len(texts) == bool(named)
    assert all(name in text for name in named for text in texts)


@pytest.mark.parametrize('architecture', ['s390x', 'ppc64el'])
def test_nvidia_on_an_architecture_it_does_not_serve_is_a_clash(architecture):
    host = Host(architecture, 'jammy', '22.04', nvidia=True)
    (fault,) = docker.clashes(Settings(choice='nvidia'), host, None)
    assert fault.option == 'docker_runtime' and architecture in fault.reason
    assert not docker.is_possible(Settings(choice='nvidia'), host)
    assert docker.wanted(Settings(), host).source == 'apt'


@given(
    st.sampled_from(['auto', 'apt', 'upstream', 'nvidia']),
    st.sampled_from(['amd64', 'arm64', 's390x', 'ppc64el', 'riscv64']),
    st.booleans(),
)
def test_for_every_machine_there_is_a_docker_or_a_reason_why_not(choice, architecture, card):
    settings, host = Settings(choice=choice), Host(architecture, 'jammy', '22.04', nvidia=card)
    if docker.is_possible(settings, host):
        assert docker.wanted(settings, host).packages and docker.clashes(settings, host, None) == []
    else:
        assert [fault.option for fault in docker.clashes(settings, host, None)] == ['docker_runtime']


@pytest.mark.parametrize('architecture, folder', [('amd64', 'x86_64'), ('arm64', 'sbsa')])
def test_nvidias_archives_are_where_it_has_them(architecture, folder):
    host = Host(architecture, 'noble', '24.04', nvidia=True)
    urls = {archive.name: archive.url for archive in docker.wanted(Settings(), host).archives}
    assert urls == {
        'docker': 'https://download.docker.com/linux/ubuntu noble stable',
        'nvidia': f'https://nvidia.github.io/libnvidia-container/stable/deb/{architecture} /',
        'cuda': f'https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/{folder}/ /',
    }


# -- files


UNIT = '[Service]\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\n'


def test_without_options_the_package_own_command_line_stays():
    text = docker.drop_in('/e', docker.command_line(UNIT), (), nvidia=False)
    assert 'ExecStart=' not in text.replace('ExecStartPost=', '')
    assert 'EnvironmentFile=-/e\n' in text


def test_options_are_added_to_the_package_own_command_line():
    text = docker.drop_in('/e', docker.command_line(UNIT), ('--debug', '--label', 'a=50%'), nvidia=True)
    assert text.splitlines()[4:6] == [
        'ExecStart=',
        'ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock '
        '"--default-runtime=nvidia" "--debug" "--label" "a=50%%"',
    ]


def test_an_operators_default_runtime_wins():
    text = docker.drop_in('/e', '/usr/bin/dockerd', ('--default-runtime=runc',), nvidia=True)
    assert '"--default-runtime=runc"' in text and 'nvidia' not in text


def test_fm_53_the_firewall_lock_is_waited_for_without_end_and_its_failure_fails_no_start():
    assert 'ExecStartPost=-/usr/sbin/iptables --wait --policy FORWARD ACCEPT' in docker.drop_in(
        '/e', '', (), nvidia=False
    )


@given(
    st.dictionaries(
        st.sampled_from(['HTTP_PROXY', 'NO_PROXY']), st.text(st.characters(codec='ascii', exclude_categories=['Cc']))
    )
)
def test_an_environment_file_is_read_back_as_it_was_meant(settings):
    read = dict(word.partition('=')[::2] for word in shlex.split(docker.environment(settings)))
    assert read == settings


def test_containerd_gets_the_runtime_and_the_sandbox_image_it_should():
    assert 'nvidia' not in docker.containerd('', nvidia=False)
    assert 'sandbox_image' not in docker.containerd('', nvidia=False)
    text = docker.containerd('r/pause-amd64:3.1', nvidia=True)
    assert 'sandbox_image = "r/pause-amd64:3.1"' in text and 'default_runtime_name = "nvidia"' in text
    tomllib = pytest.importorskip('tomllib')
    runtimes = tomllib.loads(text)['plugins']['io.containerd.grpc.v1.cri']['containerd']['runtimes']
    assert runtimes['nvidia']['options']['BinaryName'] == '/usr/bin/nvidia-container-runtime'


# -- options


@pytest.mark.parametrize(
    'name, value',
    [
        ('docker_runtime', 'podman'),
        ('docker-opts', 'debug'),
        ('docker-opts', '--label "a'),
        ('docker-opts', '--label "a\nb"'),
        ('docker-ce-package', 'docker.io'),
        ('docker-ce-package', '--purge'),
        ('docker-ce-package', 'docker-ce=1 evil'),
        ('nvidia-docker-package', ''),
        ('cuda_repo', 'latest'),
        ('apt-key-server', '-evil'),
        ('apt-key-server', 'hkp://a b'),
    ],
)
def test_a_bad_value_is_named_with_its_option(name, value):
    parsers = {
        'docker_runtime': docker_options.choice,
        'docker-opts': docker_options.daemon_options,
        'cuda_repo': docker_options.cuda_repo,
        'apt-key-server': docker_options.key_server,
    }
    with pytest.raises(options.Invalid, match=f'^{name}: '):
        parsers.get(name, docker_options.package)({name: value}, name)


@pytest.mark.parametrize(
    'name, value, shown',
    [
        ('http_proxy', 'http://me:secret@pro xy:3128', 'URL of a proxy'),
        ('https_proxy', 'secret"\n', 'URL of a proxy'),
        ('no_proxy', 'a;secret', 'commas'),
    ],
)
def test_a_bad_proxy_is_refused_without_showing_it(name, value, shown):
    with pytest.raises(options.Invalid, match=shown) as caught:
        docker_options.proxies({name: value})
    assert caught.value.option == name and 'secret' not in str(caught.value)


def test_good_proxies_become_an_environment():
    config = {'http_proxy': 'http://u:p%40ss@proxy:3128', 'https_proxy': '', 'no_proxy': '10.0.0.1, .local,fd00::/8'}
    assert docker_options.proxies(config) == {
        'HTTP_PROXY': 'http://u:p%40ss@proxy:3128',
        'NO_PROXY': '10.0.0.1,.local,fd00::/8',
    }


@pytest.mark.parametrize('length, good', [(2022, True), (2023, False)])
def test_fm_52_a_list_of_2023_characters_is_too_long_and_its_length_is_told(length, good):
    config = {'no_proxy': 'a' * length}
    if good:
        assert len(docker_options.proxies(config)['NO_PROXY']) == length
    else:
        with pytest.raises(options.Invalid, match=f'no_proxy: is {length} characters long'):
            docker_options.proxies(config)


@given(st.text())
def test_any_text_is_a_good_value_or_an_invalid_one(text):
    for name, parser in (
        ('docker_runtime', docker_options.choice),
        ('docker-opts', docker_options.daemon_options),
        ('docker-ce-package', docker_options.package),
        ('cuda_repo', docker_options.cuda_repo),
        ('apt-key-server', docker_options.key_server),
        ('no_proxy', lambda config, _: docker_options.proxies(config)),
        ('http_proxy', lambda config, _: docker_options.proxies(config)),
    ):
        try:
            parser({name: text}, name)
        except options.Invalid as error:
            assert str(error).startswith(f'{name}: ')


def test_the_flags_of_the_daemon_are_read_from_its_help():
    usage = 'Options:\n  -D, --debug   Enable\n      --insecure-registry list   see --not-this\n'
    assert docker_options.flags(usage) == {'debug', 'insecure-registry'}
