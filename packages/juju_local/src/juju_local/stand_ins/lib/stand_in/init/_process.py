"""The door to processes: starting one as a unit wants it, finding and signalling all that belong to a unit."""

from __future__ import annotations

import fcntl
import os
import resource
import signal

from .. import core, units

PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin'
# systemd.exec(5), "Process Exit Codes": what a unit's status shows when it could not even be run
CHDIR, EXEC, USER, GROUP, STDOUT = 200, 203, 217, 216, 209
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR1)
SOCKETS_FROM = 512  # where descriptors that are passed on wait until their places are free
LIMITS = {
    'LimitNOFILE': resource.RLIMIT_NOFILE,
    'LimitNPROC': resource.RLIMIT_NPROC,
    'LimitCORE': resource.RLIMIT_CORE,
    'LimitMEMLOCK': resource.RLIMIT_MEMLOCK,
}


def environment(unit: units.Unit, invocation: str) -> dict[str, str]:
    """Return the variables a unit's processes start with.

    Raises:
        units.Bad: an EnvironmentFile without leading `-` is missing.
    """
    variables = {'PATH': _path(), 'LANG': 'C.UTF-8', 'INVOCATION_ID': invocation}
    variables |= {key: os.environ[key] for key in ('STAND_IN_ROOT', 'STAND_IN_STORE') if key in os.environ}
    user = unit.last('Service', 'User')
    if user:
        variables |= {'USER': user, 'LOGNAME': user, 'HOME': _home(user), 'SHELL': '/bin/sh'}
    variables |= units.environment(unit.all('Service', 'Environment'), unit.name)
    for line in unit.all('Service', 'EnvironmentFile'):
        file = units.specifiers(line, unit.name)
        if os.path.exists(core.path(file.lstrip('-'))):
            variables |= units.environment_file(core.read(file.lstrip('-')))
        elif not file.startswith('-'):
            raise units.Bad(f'Failed to load environment files: {file}: No such file or directory')
    return variables


def _path() -> str:
    return ':'.join([core.root() + folder for folder in PATH.split(':')] + [PATH]) if core.root() else PATH


def _home(user: str) -> str:
    import pwd

    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return '/'


def spawn(
    unit: units.Unit,
    command: units.Command,
    variables: dict[str, str],
    output: int,
    sockets: list[tuple[str, int]],
) -> int:
    """Fork and run a command of the unit, output going to a descriptor; return its process id.

    `sockets` are names and descriptors that it gets as its descriptors 3, 4 ... (sd_listen_fds(3)).
    """
    words = command.expanded(variables)
    # a signal to the child must not meet our handlers, which would swallow it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return pid
    code = EXEC
    try:
        code = _become(unit, output, [descriptor for _, descriptor in sockets])
        if not code:
            code = EXEC
            _run(command.program, words, {**variables, **_listening([name for name, _ in sockets])})
    except OSError as error:
        os.write(2, f'Failed to execute {command.program}: {error.strerror}\n'.encode())
    finally:
        os._exit(code)


def _listening(names: list[str]) -> dict[str, str]:
    if not names:
        return {}
    return {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': str(len(names)), 'LISTEN_FDNAMES': ':'.join(names)}


def _become(unit: units.Unit, output: int, sockets: list[int]) -> int:
    """Turn the child into what the unit asks for; return the exit status to end with when that fails, else 0."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in HANDLED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    null = os.open('/dev/null', os.O_RDWR)
    os.dup2(null, 0)
    for descriptor, key in ((1, 'StandardOutput'), (2, 'StandardError')):
        try:
            os.dup2(_stream(unit, key, null, output, descriptor), descriptor)
        except OSError:
            return STDOUT
    kept = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, SOCKETS_FROM) for descriptor in sockets]
    for place, descriptor in enumerate(kept, 3):
        os.dup2(descriptor, place)
    os.closerange(3 + len(kept), 1024)
    os.umask(int(unit.last('Service', 'UMask', '0022'), 8))
    for key, kind in LIMITS.items():
        _limit(unit.last('Service', key), kind)
    return _user(unit) or _folder(unit)


def _stream(unit: units.Unit, key: str, null: int, output: int, number: int) -> int:
    value = unit.last('Service', key, 'inherit' if number == 2 else 'journal')
    if value == 'inherit' and number == 2:
        return 1
    if value == 'null':
        return null
    kind, _, path = value.partition(':')
    if kind in ('file', 'append', 'truncate'):
        flags = os.O_WRONLY | os.O_CREAT | {'append': os.O_APPEND, 'truncate': os.O_TRUNC}.get(kind, 0)
        return os.open(core.path(units.specifiers(path, unit.name)), flags, 0o644)
    return output


def _limit(value: str, kind: int) -> None:
    if not value:
        return
    soft, _, hard = value.partition(':')
    ceiling = resource.getrlimit(kind)[1]
    wanted = [resource.RLIM_INFINITY if each == 'infinity' else int(each) for each in (soft, hard or soft)]
    try:
        resource.setrlimit(kind, (wanted[0], wanted[1]))
    except (ValueError, OSError):  # not allowed to raise it here: as near as we may
        resource.setrlimit(
            kind, (ceiling if ceiling != -1 and (wanted[0] == -1 or wanted[0] > ceiling) else wanted[0], ceiling)
        )


def _user(unit: units.Unit) -> int:
    import grp
    import pwd

    user, group = unit.last('Service', 'User'), unit.last('Service', 'Group')
    if not user and not group:
        return 0
    try:
        gid = grp.getgrnam(group).gr_gid if group else pwd.getpwnam(user).pw_gid
    except KeyError:
        return GROUP
    try:
        os.setgid(gid)
        if user and user != 'root':
            os.initgroups(user, gid)
            os.setuid(pwd.getpwnam(user).pw_uid)
    except (KeyError, PermissionError):
        return USER
    return 0


def _folder(unit: units.Unit) -> int:
    wanted = unit.last('Service', 'WorkingDirectory', '/')
    try:
        os.chdir(core.path(wanted.lstrip('-').replace('~', '/root')))
    except OSError:
        return 0 if wanted.startswith('-') else CHDIR
    return 0


def _run(program: str, words: list[str], variables: dict[str, str]) -> None:
    """Replace this process; in a root of its own, a program of that root comes before the host's."""
    if program.startswith('/'):
        inside = core.path(program)
        os.execve(inside if os.path.exists(inside) else program, [inside, *words[1:]], variables)  # noqa: S606
    os.execvpe(program, words, variables)  # noqa: S606


def members(invocation: str, roots: set[int]) -> set[int]:
    """Return the processes of a unit: those with its invocation id, and what descends from its known processes.

    There are no control groups here; a process that cleared its environment *and* left its parents escapes.
    """
    marker = f'INVOCATION_ID={invocation}'.encode()
    parents = _parents()
    found = {pid for pid in parents if pid in roots or (invocation and marker in _environ(pid))}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found - {os.getpid()}


def _environ(pid: int) -> bytes:
    try:
        with open(f'/proc/{pid}/environ', 'rb') as file:
            return file.read()
    except OSError:  # gone, or not ours
        return b''


def _parents() -> dict[int, int]:
    """Return every living process with its parent; zombies are left out."""
    found = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/stat', 'rb') as file:
                    state, parent = file.read().rpartition(b')')[2].split()[:2]
            except OSError:
                continue
            if state not in (b'Z', b'X'):
                found[int(entry)] = int(parent)
    return found


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def reap() -> list[tuple[int, int]]:
    """Return (process id, wait status) of all children that ended, ours and orphans."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.append((pid, status))


def become_reaper() -> None:
    """Let orphans come to this process although it is not PID 1 (for tests)."""
    import ctypes

    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)
