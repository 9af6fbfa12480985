"""Machines: namespaces over a copy-on-write view of this machine, as root and as anybody."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import juju_local
import pytest
import yaml
from juju_local import _boot, _cgroups, _machine, _network

PYTHON = '/usr/bin/python3'  # an interpreter that any user may run
HOSTS = {f'juju-abc-{number}': _network.address(str(number)) for number in range(2)}


def spec(number: int, **fields: object) -> _machine.Spec:
    name = f'juju-abc-{number}'
    return _machine.Spec(str(number), name, HOSTS[name], **fields)  # type: ignore[arg-type]


@pytest.fixture
def machines(model_dir, bare_store):
    return _machine.Machines(model_dir, bare_store)


def shell(machines: _machine.Machines, script: str, machine: str = '0') -> str:
    done = machines.run(machine, ['sh', '-ec', script])
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_machine_has_its_own_name_network_and_processes(machines):
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'hostname; cat /etc/hostname') == 'juju-abc-0\njuju-abc-0\n'
    assert '10.87.0.10/16' in shell(machines, 'ip -br address show eth0')
    assert shell(machines, 'ip route show default').startswith('default via 10.87.0.1 dev eth0')
    assert len(shell(machines, 'ls -d /proc/[0-9]*').split()) < 6


def test_a_machine_looks_like_ubuntu(machines):
    machines.start(spec(0), HOSTS)
    assert 'NAME="Ubuntu"' in shell(machines, 'cat /etc/os-release')
    assert 'DISTRIB_CODENAME=jammy' in shell(machines, 'cat /etc/lsb-release')
    assert shell(machines, '/var/lib/juju/tools/machine-0/jujud version') == '2.9.49-ubuntu-amd64\n'


def test_nothing_a_machine_writes_reaches_this_machine(machines):
    machines.start(spec(0), HOSTS)
    shell(machines, 'echo x > /etc/from-the-machine; echo y >> /etc/passwd; echo z > /tmp/from-the-machine')
    assert not Path('/etc/from-the-machine').exists()
    assert not Path('/tmp/from-the-machine').exists()
    assert not Path('/etc/passwd').read_text().endswith('y\n')


def test_homes_and_the_models_folder_do_not_shine_through(machines, model_dir):
    machines.start(spec(0), HOSTS)
    prefix = str(Path(sys.base_prefix))
    seen = shell(machines, 'ls -A /root').split()
    assert all(prefix.startswith(f'/root/{name}') for name in seen)
    assert not (machines.root('0') / str(model_dir).lstrip('/') / 'machines').exists()


def test_machines_reach_each_other_by_name_and_nobody_else(machines):
    for number in range(2):
        machines.start(spec(number), HOSTS)
    server = machines.command('1', [PYTHON, '-m', 'http.server', '8080', '--directory', '/etc'])
    process = subprocess.Popen(
        server, env={'PATH': _machine.PATH}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    fetch = 'import urllib.request as u; print(u.urlopen("http://juju-abc-1:8080/hostname").read().decode().strip())'
    try:
        answer = b''
        for _ in range(300):
            done = machines.run('0', [PYTHON, '-c', fetch])
            answer = done.stdout
            if not done.returncode:
                break
            time.sleep(0.1)
        assert answer == b'juju-abc-1\n'
    finally:
        machines.kill('1')
        process.wait()
    done = machines.run('0', [PYTHON, '-c', 'import socket; socket.create_connection(("192.0.2.1", 80), 1)'])
    assert b'No route to host' in done.stderr, 'it is refused at once'


def test_a_machine_that_comes_is_told_to_the_others_and_a_charms_own_line_stays(machines):
    machines.start(spec(0), {'juju-abc-0': HOSTS['juju-abc-0']})
    shell(machines, 'echo "192.0.2.7 registry" >> /etc/hosts')
    machines.write_hosts(HOSTS)
    lines = shell(machines, 'cat /etc/hosts').splitlines()
    assert '192.0.2.7 registry' in lines
    assert {f'{address} {name}' for name, address in HOSTS.items()} <= set(lines)
    machines.write_hosts({'juju-abc-0': HOSTS['juju-abc-0']})
    assert 'juju-abc-1' not in shell(machines, 'cat /etc/hosts')


def test_store_programs_are_linked_and_hidden_files_are_gone(model_dir, tmp_path):
    store = tmp_path / 'store'
    (store / 'bin').mkdir(parents=True)
    init = '#!/bin/sh\ntrap "exit 0" TERM\necho ready >&3; exec 3>&-; while :; do sleep 0.1; done\n'
    for name, text in {'init': init, 'snap': '#!/bin/sh\necho snap from the store\n'}.items():
        (store / 'bin' / name).write_text(text)
        (store / 'bin' / name).chmod(0o755)
    (store / 'store.yaml').write_text(
        yaml.safe_dump(
            {'name': 's', 'init': 'bin/init', 'programs': {'/usr/bin/snap': 'bin/snap'}, 'hide': ['/usr/bin/perl']}
        )
    )
    machines = _machine.Machines(model_dir, store)
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'snap; ls /usr/bin/perl || true') == 'snap from the store\n'
    assert Path('/usr/bin/perl').exists() or not shutil.which('perl', path='/usr/bin')
    shell(machines, 'mkdir -p /usr/bin/perl.d; touch /usr/bin/perl')  # what the machine itself makes there later stays
    machines.stop('0')
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'ls /usr/bin/perl') == '/usr/bin/perl\n'


def test_modules_of_the_store_are_compiled_before_machines_see_them(machines, bare_store):
    (bare_store / 'module.py').write_text('NAME = 1\n')
    machines.start(spec(0), HOSTS)
    assert list((bare_store / '__pycache__').glob('module.*.pyc'))


def test_a_module_that_is_new_is_compiled_when_machines_start_again(machines, bare_store):
    (bare_store / 'module.py').write_text('NAME = 1\n')
    machines.start(spec(0), HOSTS)
    machines.halt()
    (bare_store / 'newer.py').write_text('NAME = 1\n')
    machines.start(spec(0), HOSTS)
    assert list((bare_store / '__pycache__').glob('newer.*.pyc'))


def test_the_interpreter_of_juju_local_runs_in_a_machine(machines):
    machines.start(spec(0), HOSTS)
    assert shell(machines, '/usr/lib/juju-local/python -c "import yaml, sys; print(sys.prefix)"') == f'{sys.prefix}\n'


def test_a_machine_says_which_gpus_it_has(machines):
    machines.start(spec(0, gpus=('nvidia',)), HOSTS)
    assert yaml.safe_load(shell(machines, 'cat /usr/lib/juju-local/machine.json'))['gpus'] == ['nvidia']


def until(holds):
    for _ in range(6000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail('it did not become true')


def test_a_machine_keeps_its_files_over_a_stop_and_a_kill(machines):
    machines.start(spec(0), HOSTS)
    shell(machines, 'echo kept > /var/lib/kept')
    machines.stop('0')
    assert not machines.is_running('0')
    machines.start(spec(0), HOSTS)
    os.kill(machines.pid('0'), 9)
    until(lambda: not machines.is_running('0'))
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'cat /var/lib/kept') == 'kept\n'


def test_machines_whose_switch_was_killed_come_back_with_a_network(machines):
    machines.start(spec(0), HOSTS)
    os.kill(switch := machines.ensure_switch(), 9)
    until(lambda: machines._alive('switch', 'ready') != switch)
    machines.start(spec(0), HOSTS)
    assert '10.87.0.10/16' in shell(machines, 'ip -br address show eth0')


def test_the_machines_of_a_copied_folder_are_not_the_originals(machines, model_dir, bare_store, tmp_path):
    machines.start(spec(0), HOSTS)
    shutil.copytree(model_dir / 'run', tmp_path / 'copy' / 'run')
    copy = _machine.Machines(tmp_path / 'copy', bare_store)
    assert not copy.is_running('0')
    copy.destroy()
    assert machines.is_running('0')


def test_a_machine_that_was_not_ready_when_its_starter_died_is_started_anew(machines, model_dir):
    machines.start(spec(0), HOSTS)
    pid = machines.pid('0')
    file = model_dir / 'run/machine-0.pid'
    file.write_text(file.read_text().replace('ready', 'starting'))
    assert not machines.is_running('0')
    machines.start(spec(0), HOSTS)
    assert machines.pid('0') not in (None, pid)
    assert (
        not Path(f'/proc/{pid}').exists() or Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    )


def test_an_init_that_fails_is_told(model_dir, bare_store):
    (bare_store / 'bin/init').write_text('#!/bin/sh\nexit 3\n')
    machines = _machine.Machines(model_dir, bare_store)
    with pytest.raises(_machine.MachineError, match=r'cannot start machine 0: .*init ended before it was ready \(3\)'):
        machines.start(spec(0), HOSTS)
    assert not machines.is_running('0')


def test_destroy_leaves_no_process_mount_or_file(machines, model_dir):
    for number in range(2):
        machines.start(spec(number), HOSTS)
    pids = [machines.pid('0'), machines.pid('1'), machines.ensure_switch()]
    shell(machines, 'sleep 1000 > /dev/null 2>&1 &')
    machines.destroy()
    alive = [pid for pid in pids if Path(f'/proc/{pid}/cmdline').exists() and Path(f'/proc/{pid}/cmdline').read_bytes()]
    assert not alive
    assert str(model_dir) not in Path('/proc/self/mountinfo').read_text()
    assert list(model_dir.iterdir()) == []


NOBODY = 65534
SCRIPT = textwrap.dedent("""
    import sys
    from pathlib import Path
    sys.path[:0] = sys.argv[1:3]
    from juju_local import _machine, _network
    machines = _machine.Machines(Path(sys.argv[3]), Path(sys.argv[4]))
    hosts = {'a': _network.address('0'), 'b': _network.address('1')}
    try:
        for number, name in enumerate(hosts):
            machines.start(_machine.Spec(str(number), name, hosts[name]), hosts)
        done = machines.run('0', ['sh', '-ec', sys.argv[5]])
        sys.stdout.write(done.stdout.decode() + done.stderr.decode())
    except _machine.MachineError as error:
        sys.stdout.write(f'{type(error).__name__}: {error}; {error.remedy}')
    finally:
        machines.destroy()
""")


@pytest.fixture
def nobodys_folder(bare_store):
    """A folder of nobody's, outside pytest's own (which only root may enter)."""
    folder = Path(tempfile.mkdtemp(dir='/var/tmp'))
    folder.chmod(0o755)
    shutil.copytree(bare_store, folder / 'store')
    (folder / 'script.py').write_text(SCRIPT)
    (folder / 'model').mkdir()
    os.chown(folder / 'model', NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def as_nobody(folder: Path, command: str) -> list[str]:
    packages = [str(Path(juju_local.__file__).parent.parent), str(Path(yaml.__file__).parent.parent)]
    return [PYTHON, str(folder / 'script.py'), *packages, str(folder / 'model'), str(folder / 'store'), command]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='becomes another user')


@needs_root
def test_an_unprivileged_user_has_machines_too(nobodys_folder):
    script = (
        'id -u; hostname; echo x > /etc/new; echo y >> /etc/passwd; tail -n 1 /etc/passwd; touch /root/a /usr/bin/b'
    )
    script += '; ls /root'
    done = subprocess.run(
        as_nobody(nobodys_folder, script), user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True
    )
    assert done.stdout.split() == ['0', 'a', 'y', 'a'], done.stderr
    assert list((nobodys_folder / 'model').iterdir()) == []


@needs_root
def test_where_user_namespaces_are_refused_the_error_says_what_to_do(nobodys_folder):
    read, write = os.pipe()
    go_read, go_write = os.pipe()
    child = os.fork()
    if not child:  # in a user namespace that allows no further ones
        try:
            _boot.unshare(_boot.NEWUSER, 'test')
            os.write(write, b'.')
            os.read(go_read, 1)
            Path('/proc/sys/user/max_user_namespaces').write_text('0')
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.dup2(os.open(nobodys_folder / 'model/out', os.O_CREAT | os.O_WRONLY, 0o644), 1)
            os.execv(PYTHON, as_nobody(nobodys_folder, 'true'))  # noqa: S606
        finally:
            os._exit(1)
    os.read(read, 1)
    for name in ('uid_map', 'gid_map'):
        Path(f'/proc/{child}/{name}').write_text('0 0 65536')
    os.write(go_write, b'.')
    os.waitpid(child, 0)
    for fd in (read, write, go_read, go_write):
        os.close(fd)
    said = (nobodys_folder / 'model/out').read_text()
    assert said.startswith('NotPermittedError: cannot make the network of the model: make a user namespace: ')
    assert 'run as root, or allow it (sudo sysctl -w user.max_user_namespaces=15000)' in said


REAL = {
    'cgroups': True,
    'disk': ['/var/lib/docker', '/var/lib/kubelet'],
    'sysctl': {
        'net/ipv4/ip_forward': 1,
        'net/netfilter/nf_conntrack_max': 131072,
        'vm/overcommit_memory': 1,
        'vm/is-not-here': 1,
    },
    'environment': {'container': 'lxc'},
}


def real_store(store: Path, **machine: object) -> Path:
    """Have a store ask for machines that real software runs in."""
    path = store / 'store.yaml'
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), 'machine': {**REAL, **machine}}))
    return store


def groups(model_dir: Path) -> list[Path]:
    return sorted(Path('/sys/fs/cgroup').glob(f'**/{_cgroups.model_group(model_dir)}'))


@needs_root
def test_a_store_of_real_software_gets_control_groups_that_are_the_machines_own(model_dir, bare_store):
    machines = _machine.Machines(model_dir, real_store(bare_store))
    for number in range(2):
        machines.start(spec(number), HOSTS)
    for each in _cgroups.present():
        assert shell(machines, f'cat {each.place}/cgroup.procs | head -n 1') == '1\n'
        assert Path(f'{each.place}/{_cgroups.model_group(model_dir)}/0').is_dir()
    made = '/sys/fs/cgroup/memory/kubepods' if Path('/sys/fs/cgroup/memory').exists() else '/sys/fs/cgroup/kubepods'
    shell(machines, f'mkdir {made}; sleep 1000 >/dev/null 2>&1 & echo $! >{made}/cgroup.procs')
    assert shell(machines, f'ls -d {made} 2>&1 || true', '1').startswith('ls: cannot access')
    machines.stop('0')
    assert all(list(group.iterdir()) for group in groups(model_dir))
    assert not [group for group in groups(model_dir) if (group / '0').exists()]
    machines.destroy()
    assert groups(model_dir) == []


@needs_root
def test_a_store_of_real_software_gets_devices_disks_and_kernel_settings(model_dir, bare_store, tmp_path):
    machines = _machine.Machines(model_dir, real_store(bare_store))
    before = Path('/proc/sys/vm/overcommit_memory').read_text()
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/vm/overcommit_memory') == '1\n1\n'
    shell(machines, 'echo 2 > /proc/sys/vm/overcommit_memory')
    assert Path('/proc/sys/vm/overcommit_memory').read_text() == before
    shown = 'cat /proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null || echo 131072'  # not in every kernel
    assert shell(machines, shown) == '131072\n'
    assert shell(
        machines, 'test -c /dev/kmsg; test -c /dev/net/tun; test -c /dev/fuse; tr "\\0" "\\n" </proc/1/environ'
    )
    assert b'container=lxc' in Path(f'/proc/{machines.pid("0")}/environ').read_bytes()
    layers = 'cd /var/lib/docker; mkdir lower upper work root'
    layers += '; mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work root'
    shell(machines, f'{layers}; echo x > root/file; umount root; cat upper/file')
    assert 'shared:' in shell(machines, 'grep " / / " /proc/self/mountinfo')
    machines.stop('0')
    machines.start(spec(0), HOSTS)
    assert shell(machines, 'cat /var/lib/docker/upper/file') == 'x\n'


@needs_root
def test_what_a_crash_or_a_deleted_folder_left_is_found_by_the_next_model(tmp_path, bare_store):
    store = real_store(bare_store)
    (tmp_path / 'gone').mkdir()
    lost = _machine.Machines(tmp_path / 'gone', store)
    lost.start(spec(0), HOSTS)
    pid = lost.pid('0')
    shutil.rmtree(tmp_path / 'gone')
    other = _machine.Machines(tmp_path / 'other', store)
    try:
        other.ensure_switch()
        assert not Path(f'/proc/{pid}/cmdline').exists() or not Path(f'/proc/{pid}/cmdline').read_bytes()
        assert groups(tmp_path / 'gone') == []
    finally:
        other.destroy()


@needs_root
def test_who_is_not_root_hears_that_real_software_needs_it(nobodys_folder, tmp_path):
    others = tmp_path / 'of-root'  # a running model that nobody may look at: it is not taken for a deleted one
    others.mkdir()
    tmp_path.chmod(0o700)
    real_store(nobodys_folder / 'store')
    _cgroups.make(_cgroups.model_group(others), '0')
    try:
        hears_that_root_is_needed(nobodys_folder)
    finally:
        _cgroups.remove(_cgroups.model_group(others))


def hears_that_root_is_needed(nobodys_folder):
    done = subprocess.run(
        as_nobody(nobodys_folder, 'true'), user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True
    )
    assert done.stdout.startswith(
        'NotPermittedError: the store bare needs machines that only root can make; Run juju-local as root'
    )


@pytest.fixture
def store_above(bare_store, tmp_path):
    folder = tmp_path / 'above'
    (folder / 'base').mkdir(parents=True)
    (folder / 'file').write_text('from the store\n')
    service = [sys.executable, '-m', 'http.server', '8000']
    settings = {'base': str(bare_store), 'hosts': ['registry.example'], 'services': {'web': service}}
    (folder / 'store.yaml').write_text(yaml.safe_dump({'name': 'above', **settings}))
    return folder


def test_a_store_that_builds_on_another_serves_its_machines_under_names_of_others(model_dir, store_above):
    machines = _machine.Machines(model_dir, store_above)
    machines.start(spec(0), HOSTS)
    try:
        assert shell(machines, 'readlink -f /proc/1/exe; ls /usr/lib/juju-local/store').split()[1:] == [
            'base',
            'file',
            'store.yaml',
        ]
        assert shell(machines, 'ls /usr/lib/juju-local/store/base/bin') == 'init\n'
        fetch = f'until {PYTHON} -c "$1" 2>/dev/null; do sleep 0.1; done'
        read = (
            "import urllib.request as r; print(r.urlopen('http://registry.example:8000/file').read().decode(), end='')"
        )
        answer = machines.run('0', ['timeout', '120', 'sh', '-c', fetch, '-', read])
        assert answer.stdout == b'from the store\n'
        machines.write_hosts({**HOSTS, 'juju-abc-7': '10.87.0.17'})
        assert 'registry.example' in shell(machines, 'cat /etc/hosts')
    finally:
        machines.halt()
    for _ in range(600):  # the kernel ends them a moment after the switch
        if not list(_commands_with('http.server 8000')):
            break
        time.sleep(0.1)
    else:
        pytest.fail('the service outlives the model')


def _commands_with(words: str) -> Iterator[str]:
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            text = path.read_bytes().replace(b'\0', b' ').decode(errors='replace')
            if words in text and 'pytest' not in text:
                yield text
