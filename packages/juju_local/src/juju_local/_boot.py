"""Makes the namespaces of a machine, or of a model's network, and leaves a process in them.

Run as `python -I -S _boot.py` with a JSON order on stdin: a program of its own (standard library only), since a process
that is to enter a user namespace must be alone in its address space. What it makes outlives it and its caller.

    P0 (this) --fork--> C, which becomes PID 1 of the machine
    writes the pid file, plugs the cable, says go          mounts, changes root, execs init
    waits for `ready` from init, prints {"pid": ...}

If P0 or its caller dies on the way, C either ends (no `go`) or stands with a pid file that is not marked ready.
"""

# Without pathlib it starts in half the time; print is how it answers.
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH108, PTH110, PTH112, PTH114, PTH115, PTH119, PTH120, PTH123, PTH208, PTH211, S103, S606, T201
from __future__ import annotations

import ctypes
import json
import os
import socket
import stat
import subprocess
import sys
from typing import Any, NoReturn

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NEWCGROUP = 0x2000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE, MS_SHARED, MNT_DETACH, SYS_PIVOT_ROOT = 1 << 18, 1 << 20, 2, {'x86_64': 155, 'aarch64': 41}
DEVICES = {
    'null': (1, 3),
    'zero': (1, 5),
    'full': (1, 7),
    'random': (1, 8),
    'urandom': (1, 9),
    'kmsg': (1, 11),
    'tty': (5, 0),
}
CONTAINER_DEVICES = {'fuse': (10, 229), 'net/tun': (10, 200)}
OWN_MOUNTS = ('proc', 'sys', 'dev', 'run', 'tmp')
LINKS = {'ptmx': 'pts/ptmx', 'fd': '/proc/self/fd', 'stdin': 'fd/0', 'stdout': 'fd/1', 'stderr': 'fd/2'}
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'LANG': 'C.UTF-8',
    'HOME': '/root',
}
FLAGS = {'nosuid': MS_NOSUID, 'nodev': MS_NODEV, 'noexec': MS_NOEXEC}

libc = ctypes.CDLL(None, use_errno=True)
Order = dict[str, Any]


class StepError(Exception):
    """What was attempted, and the errno it ended with."""

    def __init__(self, step: str, code: int) -> None:
        super().__init__(f'{step}: {os.strerror(code)}')
        self.step, self.code = step, code


def call(step: str, name: str, *arguments: object) -> None:
    encoded = [os.fsencode(argument) if isinstance(argument, str) else argument for argument in arguments]
    if getattr(libc, name)(*encoded) < 0:
        raise StepError(step, ctypes.get_errno())


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    call(f'mount {kind or source} on {target}', 'mount', source, target, kind, ctypes.c_ulong(flags), data)


def unshare(flags: int, step: str) -> None:
    call(step, 'unshare', flags)


def enter(pid: int, name: str) -> None:
    fd = os.open(f'/proc/{pid}/ns/{name}', os.O_RDONLY)
    call(f'enter the {name} namespace of process {pid}', 'setns', fd, 0)
    os.close(fd)


def ip(commands: list[str]) -> None:
    """Configure the network namespace that this process is in."""
    done = subprocess.run(['ip', '-batch', '-'], input='\n'.join(commands), text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f'ip {commands}: {done.stderr.strip()}')


def write(path: str, text: str, mode: int = 0o644) -> None:
    """Write a file atomically."""
    fd = os.open(f'{path}.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, 'w') as stream:
        stream.write(text)
    os.rename(f'{path}.new', path)


def identity(pid: int | str) -> str:
    """Return `pid start-time boot-id`, which no other process ever has."""
    with open(f'/proc/{pid}/stat') as stream:
        text = stream.read()
    with open('/proc/sys/kernel/random/boot_id') as stream:
        boot = stream.read().strip()
    return f'{text.split()[0]} {text.rpartition(")")[2].split()[19]} {boot}'


def bind(source: str, target: str, read_only: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, flags=MS_BIND | MS_REC)
    if read_only:
        mount('none', target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags(target))


def locked_flags(target: str) -> int:
    """Return the flags of a mount that a user namespace must not drop."""
    state = os.statvfs(target).f_flag
    return sum(flag for name, flag in FLAGS.items() if state & getattr(os, f'ST_{name.upper()}'))


def make_dev(dev: str, devices: dict[str, tuple[int, int]]) -> None:
    mount('dev', dev, 'tmpfs', MS_NOSUID, 'mode=755')
    for name in ('pts', 'shm', 'mqueue', 'net'):
        os.mkdir(f'{dev}/{name}')
    for name, (major, minor) in devices.items():
        try:
            os.mknod(f'{dev}/{name}', stat.S_IFCHR | 0o666, os.makedev(major, minor))
            os.chmod(f'{dev}/{name}', 0o666)
        except PermissionError:  # in a user namespace: the outer machine's own node
            if os.path.exists(f'/dev/{name}'):
                bind(f'/dev/{name}', f'{dev}/{name}', read_only=False)
    for name, target in LINKS.items():
        os.symlink(target, f'{dev}/{name}')
    mount('devpts', f'{dev}/pts', 'devpts', MS_NOSUID | MS_NOEXEC, 'newinstance,ptmxmode=666,mode=620')
    mount('shm', f'{dev}/shm', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=1777')


def make_root(order: Order) -> None:
    root = order['root']
    mount('none', '/', flags=MS_PRIVATE | MS_REC)
    if order['composed']:
        compose(order)
    else:
        mount('overlay', root, 'overlay', data=f'lowerdir=/,upperdir={order["upper"]},workdir={order["work"]}')
    for name in OWN_MOUNTS:
        os.makedirs(f'{root}/{name}', exist_ok=True)
    mount('proc', f'{root}/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC)
    try:
        mount('sysfs', f'{root}/sys', 'sysfs', MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except StepError:  # a container that masks parts of /sys: the outer one's, then
        mount('/sys', f'{root}/sys', flags=MS_BIND | MS_REC)
    make_dev(f'{root}/dev', DEVICES if order['cgroups'] is None else {**DEVICES, **CONTAINER_DEVICES})
    mount('tmp', f'{root}/tmp', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=1777')  # noqa: S108
    mount('run', f'{root}/run', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=755')
    os.makedirs(f'{root}/run/lock')
    for path in order['cover']:
        if os.path.isdir(root + path):
            mount('none', root + path, 'tmpfs', MS_RDONLY, 'size=4k,mode=755')
    for source, target, read_only in order['binds']:
        bind(source, root + target, read_only)
    make_disks(order)
    if order['cgroups'] is not None:
        mount_cgroups(root, order['cgroups']['mounts'])


def make_disks(order: Order) -> None:
    """Mount folders that must not lie on the overlay: from the machine's own disk, or in memory ('')."""
    for source, path in order['disk']:
        target = order['root'] + path
        os.makedirs(target, exist_ok=True)
        if source:
            os.makedirs(source, exist_ok=True)
            mount(source, target, flags=MS_BIND)
        else:
            mount('disk', target, 'tmpfs', data='mode=755')


def mount_cgroups(root: str, mounts: list[tuple[str, str, str]]) -> None:
    """Mount the hierarchies anew: seen from the machine's cgroup namespace, its own groups are their roots."""
    mount('mqueue', f'{root}/dev/mqueue', 'mqueue', MS_NOSUID | MS_NODEV | MS_NOEXEC)
    top = f'{root}/sys/fs/cgroup'
    if all(f'{root}{place}' != top for place, _, _ in mounts):
        mount('cgroup', top, 'tmpfs', MS_NOSUID | MS_NODEV | MS_NOEXEC, 'mode=755')
    for place, kind, options in mounts:
        os.makedirs(root + place, exist_ok=True)
        mount('cgroup', root + place, kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
        controllers = os.path.basename(place).split(',')
        for name in controllers if len(controllers) > 1 else ():
            os.symlink(os.path.basename(place), f'{top}/{name}')


def set_sysctls(order: Order) -> None:
    """Set what is the machine's own; of what is one for all machines, show a file that holds the value."""
    for name, value in order['sysctl'].items():
        place = f'{order["root"]}/proc/sys/{name}'
        if os.path.exists(place) and not (name.startswith('net/') and try_to_write(place, value)):
            show(f'{order["root"]}/run/sysctl/{name.replace("/", ".")}', f'{value}\n', place)


def try_to_write(path: str, text: str) -> bool:
    try:
        with open(path, 'w') as stream:
            stream.write(text)
    except PermissionError:  # some of net/ are the first namespace's alone
        return False
    return True


def show(file: str, text: str, place: str) -> None:
    os.makedirs(os.path.dirname(file), exist_ok=True)
    write(file, text)
    mount(file, place, flags=MS_BIND)


def compose(order: Order) -> None:
    """Make the root of many overlays: in a user namespace, a folder with mounts below it cannot be a lower layer."""
    mount(order['upper'], order['root'], flags=MS_BIND)
    for name in os.listdir('/'):
        if name not in OWN_MOUNTS and name not in order['private']:
            overlay_below(order, f'/{name}', 1)


def overlay_below(order: Order, path: str, depth: int) -> None:
    """Show a folder copy-on-write; one with mounts below it is taken apart, at most three levels deep."""
    upper, target = order['upper'] + path, order['root'] + path
    if os.path.islink(path):
        if not os.path.lexists(upper):
            os.symlink(os.readlink(path), upper)
        return
    if not os.path.isdir(path):
        return
    work = f'{order["work"]}/{path.strip("/").replace("/", "-")}'
    os.makedirs(upper, exist_ok=True)
    os.makedirs(work, exist_ok=True)
    try:
        mount('overlay', target, 'overlay', data=f'lowerdir={path},upperdir={upper},workdir={work},userxattr')
    except StepError:
        for name in os.listdir(path) if depth < 3 and os.access(path, os.R_OK) else ():
            overlay_below(order, f'{path}/{name}', depth + 1)


def furnish(order: Order) -> None:
    """Link and write; a link only where it is not so yet, since a machine is started more than once."""
    root = order['root']
    for path, target in order['links'].items():
        link(root + path, target)
    for path, text in order['files'].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        if os.path.islink(root + path):
            os.unlink(root + path)
        write(root + path, text)
    for path, text in order['programs'].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        write(root + path, text)
        os.chmod(root + path, 0o755)


def link(path: str, target: str) -> None:
    if os.path.islink(path) and os.readlink(path) == target:
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(target, path)


def change_root(root: str) -> None:
    os.chdir(root)
    number = SYS_PIVOT_ROOT.get(os.uname().machine, 41)
    call('pivot_root', 'syscall', number, '.', '.')
    call('umount of the old root', 'umount2', '.', MNT_DETACH)
    os.chdir('/')
    mount('none', '/', flags=MS_SHARED | MS_REC)


def join(groups: list[str]) -> None:
    """Put this process, and so those it will fork, into control groups."""
    for procs in groups:
        with open(procs, 'w') as stream:
            stream.write('0')


def become_machine(order: Order, ready: int) -> NoReturn:
    if order['cgroups'] is not None:
        join(order['cgroups']['inner'])
    log = os.open(order['log'], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    unshare(NEWNS, 'make a mount namespace')  # only now: the parent still needs this machine's /proc
    ip(order['own_network'])
    make_root(order)
    set_sysctls(order)
    furnish(order)
    socket.sethostname(order['hostname'])
    change_root(order['root'])
    become(order['init'], log, ready, order['environment'])


def become(argv: list[str], log: int, ready: int, environment: dict[str, str]) -> NoReturn:
    """Exec, with nothing open but stdin (null), stdout and stderr (the log) and 3 (for `ready`)."""
    null = os.open('/dev/null', os.O_RDONLY)
    keep = [os.dup(fd) for fd in (null, log, log, ready)]  # numbers all above 3 by now
    for number, fd in enumerate(keep):
        os.dup2(fd, number, inheritable=True)
    os.closerange(4, 1024)
    os.umask(0o022)
    os.setsid()
    os.execve(argv[0], argv, {**ENVIRONMENT, **environment})


def start_machine(order: Order) -> int:
    if order['user_namespace']:
        enter(order['switch'], 'user')
    if order['cgroups'] is not None:
        join(order['cgroups']['join'])
        unshare(NEWCGROUP, 'make a cgroup namespace')
    unshare(NEWUTS | NEWIPC | NEWNET | NEWPID, 'make the namespaces of a machine')
    return leave(order, lambda ready: become_machine(order, ready), plug)


def plug(order: Order, child: int) -> None:
    """Lay the cable from the switch to the machine."""
    enter(order['switch'], 'net')
    port = f'm{order["id"]}-{child}'[:15]  # the cable of a machine killed a moment ago may still be there
    # our children, `ip` too, are born in the machine's PID namespace by now: there the machine's init is process 1
    ip([f'link add {port} type veth peer name eth0 netns 1', f'link set {port} master br0 up'])


def start_switch(order: Order) -> int:
    if order['user_namespace']:
        uid, gid = os.getuid(), os.getgid()
        unshare(NEWUSER, 'make a user namespace')
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1')):
            with open(f'/proc/self/{name}', 'w') as stream:
                stream.write(text)
    unshare(NEWNET, 'make a network namespace')
    with open('/proc/sys/net/ipv4/ip_forward', 'w') as stream:
        stream.write('1')  # so that what leads nowhere is refused at once, not after a minute
    ip(order['own_network'])

    def hold(ready: int) -> NoReturn:
        os.write(ready, b'ready\n')
        become(order['init'], os.open('/dev/null', os.O_WRONLY), ready, {})

    return leave(order, hold, lambda _order, _child: None)


def leave(order: Order, body: Any, prepare: Any) -> int:
    """Fork a child that runs `body` once `prepare` is done; return its pid when it wrote `ready`."""
    go_read, go_write = os.pipe()
    ready_read, ready_write = os.pipe()
    child = os.fork()
    if not child:
        os.close(go_write)
        try:
            if os.read(go_read, 1):
                body(ready_write)
            os._exit(1)
        except BaseException as error:
            os.write(ready_write, f'{type(error).__name__}: {error}'.encode())
            os._exit(1)
    os.close(ready_write)
    write(order['pid_file'], f'{identity(child)} {order["owner"]} starting\n')
    prepare(order, child)
    os.write(go_write, b'g')
    said = b''
    while not said.endswith(b'ready\n') and (data := os.read(ready_read, 4096)):
        said += data
    if not said.endswith(b'ready\n'):
        _, status = os.waitpid(child, 0)
        how = os.waitstatus_to_exitcode(status)
        raise RuntimeError(said.decode(errors='replace') or f'{order["init"][0]} ended before it was ready ({how})')
    write(order['pid_file'], f'{identity(child)} {order["owner"]} ready\n')
    return child


def main() -> None:
    order = json.load(sys.stdin)
    try:
        print(json.dumps({'pid': {'machine': start_machine, 'switch': start_switch}[order['kind']](order)}))
    except StepError as error:
        print(json.dumps({'error': str(error), 'step': error.step, 'errno': error.code}))
    except (RuntimeError, OSError) as error:
        print(json.dumps({'error': str(error), 'step': '', 'errno': 0}))


if __name__ == '__main__':
    main()
