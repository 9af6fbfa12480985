"""What charms see of hardware, kernel and the machine's own settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from juju_local.stand_ins.lib.stand_in import programs

STORE = Path(programs.__file__).parents[2]


def give(machine, **known) -> None:
    machine.write('/usr/lib/juju-local/machine.json', json.dumps({'id': '0', 'gpus': []} | known))


def test_every_program_of_the_store_exists_and_answers_to_its_name():
    store = yaml.safe_load((STORE / 'store.yaml').read_text())
    for path, target in store['programs'].items():
        assert (STORE / target).exists(), path
        assert Path(path).name in programs.MODULES
    offered = json.loads((STORE / store['packages']).read_text())['packages']
    for name, package in offered.items():
        for path, target in package.get('programs', {}).items():
            assert (STORE / target).exists(), (name, path)
            assert Path(path).name in programs.MODULES, name
        assert not package.get('tree') or (STORE / 'trees' / package['tree']).is_dir(), name
        assert set(package.get('depends', [])) <= set(offered), name


@pytest.mark.parametrize(('gpus', 'cards'), [([], 0), (['nvidia'], 1), (['nvidia', 'amd'], 2)])
def test_lspci_shows_the_cards_a_machine_was_given(bare, gpus, cards):
    give(bare, gpus=gpus)
    lines = bare.ok('lspci', '-nn').splitlines()
    assert sum('3D controller' in line for line in lines) == cards
    assert sum('NVIDIA' in line for line in lines) == gpus.count('nvidia')


@pytest.mark.parametrize(('gpus', 'code'), [(['nvidia'], 0), (['amd'], 9), ([], 9)])
def test_nvidia_smi_comes_with_the_driver_and_works_only_with_a_card(machine, gpus, code):
    give(machine, gpus=gpus)
    assert not (machine.root / 'usr/bin/nvidia-smi').exists()
    machine.ok('apt-get', 'install', '-y', 'nvidia-driver-525')
    done = machine.run('nvidia-smi', '--list-gpus')
    assert (done.returncode, done.stdout.startswith('GPU 0: ')) == (code, code == 0)


@pytest.mark.parametrize(
    ('virt', 'plain', 'container'), [('', ('kvm', 0), ('none', 1)), ('lxc', ('lxc', 0), ('lxc', 0))]
)
def test_fm_47_a_machine_says_whether_it_is_a_container(bare, virt, plain, container):
    bare.write('/var/lib/stand-in/virt', virt)
    for arguments, expected in (([], plain), (['--container'], container)):
        done = bare.run('systemd-detect-virt', *arguments)
        assert (done.stdout.strip(), done.returncode) == expected


def test_sysctl_keeps_what_was_set_and_refuses_what_is_no_parameter(bare):
    bare.write('/etc/sysctl.d/50-x.conf', '# c\nnet.ipv4.ip_forward = 1\n-nonsense.x = 1\n')
    assert bare.ok('sysctl', '-p', '/etc/sysctl.d/50-x.conf') == 'net.ipv4.ip_forward = 1\n'
    assert bare.ok('sysctl', '-n', 'net.ipv4.ip_forward') == '1\n'
    assert bare.run('sysctl', '-w', 'nonsense.x=1').returncode == 255
    assert bare.run('sysctl', '-w', 'vm.swappiness=lots').returncode == 1
    assert bare.run('sysctl', '-e', 'nonsense.x').returncode == 0


def test_modules_that_were_loaded_are_listed(bare):
    bare.ok('modprobe', 'br_netfilter')
    assert 'br_netfilter' in bare.ok('lsmod')
    give(bare)
    assert 'No such device' in bare.run('modprobe', 'nvidia').stderr


def test_local_certificates_go_into_the_bundle_and_out_again(bare):
    bare.write('/etc/ssl/certs/ca-certificates.crt', 'base\n')
    local = bare.write('/usr/local/share/ca-certificates/mine.crt', 'mine')
    assert '1 added, 0 removed; done.' in bare.ok('update-ca-certificates')
    assert bare.read('/etc/ssl/certs/ca-certificates.crt') == 'base\nmine\n'
    assert (bare.root / 'etc/ssl/certs/mine.pem').is_symlink()
    assert '0 added, 0 removed; done.' in bare.ok('update-ca-certificates', '--fresh')
    local.unlink()
    assert '0 added, 1 removed; done.' in bare.ok('update-ca-certificates')
    assert bare.read('/etc/ssl/certs/ca-certificates.crt') == 'base\n'


@pytest.mark.parametrize(
    ('arguments', 'code', 'text'),
    [
        (['-P', 'FORWARD', 'MAYBE'], 1, 'Bad policy name'),
        (['-P', 'MINE', 'DROP'], 1, 'Bad built-in chain name.'),
        (['-A', 'NONE', '-j', 'DROP'], 1, 'No chain/target/match by that name.'),
        (['-t', 'none', '-L'], 3, 'Table does not exist'),
        (['-C', 'INPUT', '-j', 'DROP'], 1, 'Bad rule'),
        (['-N', 'MINE'], 1, 'Chain already exists.'),
        ([], 2, 'no command specified'),
    ],
)
def test_iptables_refuses_with_its_words(bare, arguments, code, text):
    bare.ok('iptables', '-N', 'MINE')
    done = bare.run('iptables', *arguments)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_iptables_keeps_rules_in_their_order(bare):
    bare.ok('iptables', '-w', '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.1.0.0/16', '-j', 'MASQUERADE')
    bare.ok('iptables', '-t', 'nat', '-I', 'POSTROUTING', '1', '-j', 'RETURN')
    expected = ['-P POSTROUTING ACCEPT', '-A POSTROUTING -j RETURN', '-A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE']
    assert bare.ok('iptables', '-t', 'nat', '-S', 'POSTROUTING').splitlines() == expected
    bare.ok('iptables', '-t', 'nat', '-C', 'POSTROUTING', '-j', 'RETURN')
    bare.ok('iptables', '-t', 'nat', '-D', 'POSTROUTING', '-j', 'RETURN')
    assert bare.ok('iptables', '-t', 'nat', '-S', 'POSTROUTING').splitlines() == [expected[0], expected[2]]
    assert '10.1.0.0/16' in bare.ok('iptables', '-t', 'nat', '-L', '-n')
    assert bare.ok('ip6tables', '-S').splitlines() == ['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT']


def test_grubs_command_line_is_taken_from_its_settings(bare):
    bare.write('/etc/default/grub.d/cgroups.cfg', 'GRUB_CMDLINE_LINUX_DEFAULT="cgroup_enable=memory swapaccount=1"\n')
    bare.ok('update-grub')
    assert 'cgroup_enable=memory swapaccount=1' in bare.read('/boot/grub/grub.cfg')


def test_a_reboot_ends_the_machine_with_its_services(bare):
    bare.boot()
    bare.unit('a.service', f'ExecStart=/bin/sleep 1000\nExecStop=/bin/touch {bare.root}/stopped')
    bare.ok('systemctl', 'start', 'a')
    bare.ok('reboot')
    assert bare.init is not None
    assert bare.init.wait(timeout=60) == 0
    assert (bare.root / 'stopped').exists()
    assert 'System has not been booted with systemd' in bare.run('systemctl', 'is-active', 'a').stderr


def test_lspci_gives_numbers_alone_where_it_is_asked_to(bare):
    give(bare, gpus=['amd', 'nvidia'])
    lines = bare.ok('lspci', '-n').splitlines()
    assert lines[-2:] == ['00:1e.0 0302: 1002:6860', '00:1f.0 0302: 10de:102d']
