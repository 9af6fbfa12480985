"""docker, and what little of ctr is asked for: logins, images, containers, and what the daemon says of itself.

Registries answer as `/var/lib/stand-in/registries.json` says: `{"my.registry": {"users": {"NAME": "PASSWORD"}}}`, or
`{"down": true}` for one that cannot be reached. One that is not listed accepts every login.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
import time

from . import core, dockerd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

REGISTRIES = f'{core.HOME}/registries.json'
HUB = 'https://index.docker.io/v1/'
WITH_VALUE = {
    '-u', '--username', '-p', '--password', '-f', '--format', '--filter', '-n', '--name', '-v', '--volume', '-e',
    '--env', '--network', '--net', '--restart', '--publish', '-H', '--host', '--config', '-t', '--tag', '--time', '-l',
    '--entrypoint',
    '--namespace', '-a', '--address', '--label', '--mount',
}  # fmt: skip
EXEC_ROUNDS = 10_000  # milliseconds, or somewhat more
NO_DAEMON = 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?'
INSECURE = 'WARNING! Using --password via the CLI is insecure. Use --password-stdin.'


class Call:
    """A command line taken apart; after an image's name (run, exec) all words belong to the container."""

    def __init__(self, arguments: list[str]) -> None:
        self.flags: dict[str, str] = {}
        self.words: list[str] = []
        todo = list(arguments)
        while todo:
            word = todo.pop(0)
            name, equals, value = word.partition('=')
            if not word.startswith('-') or word == '-' or (self.words[:1] == ['run'] and len(self.words) > 1):
                self.words.append(word)
            elif equals:
                self.flags[name] = value
            elif word in WITH_VALUE and not (word == '-a' and self.words[:1] == ['ps']) and not self._is_force(word):
                self.flags[word] = todo.pop(0) if todo else ''
            elif re.fullmatch(r'-[a-z]{2,}', word):
                self.flags |= {f'-{letter}': '' for letter in word[1:]}
            else:
                self.flags[word] = ''
        if self.words[:1] in (['image'], ['container'], ['system']) and len(self.words) > 1:
            self.words = [GROUPS.get(' '.join(self.words[:2]), self.words[1]), *self.words[2:]]

    def _is_force(self, word: str) -> bool:
        return word == '-f' and self.words[:1] in (['rm'], ['rmi'], ['image'], ['container'], ['system'])

    def get(self, *names: str) -> str:
        return next((self.flags[name] for name in names if name in self.flags), '')

    def has(self, *names: str) -> bool:
        return any(name in self.flags for name in names)


GROUPS = {
    'image ls': 'images',
    'image list': 'images',
    'image rm': 'rmi',
    'image prune': 'image-prune',
    'container ls': 'ps',
    'container prune': 'container-prune',
}


def main(program: str, arguments: list[str]) -> int:
    """Run one command."""
    if arguments[:1] in (['--version'], ['-v']):
        core.say(
            f'Docker version {dockerd.VERSION}, build baeda1f'
            if program == 'docker'
            else 'ctr github.com/containerd/containerd 1.6.12'
        )
        return 0
    call = Call(arguments)
    verb = call.words.pop(0) if call.words else ''
    if program == 'ctr':
        _reach(
            'containerd',
            'ctr: failed to dial "/run/containerd/containerd.sock": connection refused',
        )
        return 0
    if verb not in VERBS:
        raise core.Refused(f"docker: '{verb}' is not a docker command.\nSee 'docker --help'")
    if verb not in ('logout', 'version'):
        _reach('dockerd', NO_DAEMON)
    return VERBS[verb](call)


def _reach(daemon: str, message: str) -> None:
    if not is_up(daemon):
        raise core.Refused(message)


def is_up(daemon: str) -> bool:
    """Tell whether the process that the daemon left behind is there: nobody accepts connections on its socket."""
    pid = core.read(dockerd.PID_FILES[daemon]).strip()
    command = _command(pid)
    for _ in range(EXEC_ROUNDS):  # while it becomes sleep it has no command line for a moment
        if command != b'':
            break
        time.sleep(0.001)
        command = _command(pid)
    return command is not None and (command == b'sleep\0infinity\0' or daemon.encode() in command)


def _command(pid: str) -> bytes | None:
    """Return the command line of a process, None if it has ended."""
    try:
        with open(f'/proc/{pid or 0}/stat', 'rb') as file:
            if file.read().rpartition(b')')[2].split()[0] in (b'Z', b'X'):
                return None
        with open(f'/proc/{pid}/cmdline', 'rb') as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError):
        return None


# logins


def _config_path() -> str:
    return f'{os.environ.get("DOCKER_CONFIG") or os.environ.get("HOME", "/root") + "/.docker"}/config.json'


def _config() -> dict[str, Any]:
    try:
        with open(_config_path(), encoding='utf-8') as file:
            known: dict[str, Any] = json.load(file)
            return known
    except FileNotFoundError:
        return {}


def _store(config: dict[str, Any]) -> None:
    place = _config_path()
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    descriptor = os.open(f'{place}~', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, 'w', encoding='utf-8') as file:
        file.write(json.dumps(config, indent='\t'))
    os.replace(f'{place}~', place)


def _login(call: Call) -> int:
    server = call.words[0] if call.words else HUB
    user = call.get('-u', '--username')
    password = call.get('-p', '--password')
    if call.has('-p', '--password'):
        core.complain(INSECURE)
    if call.has('--password-stdin'):
        if not user:
            raise core.Refused('Must provide --username with --password-stdin')
        password = sys.stdin.read().rstrip('\r\n')
    if not user or not password:
        raise core.Refused('Error: Cannot perform an interactive login from a non TTY device')
    _authenticate(server, user, password)
    config = _config()
    token = base64.b64encode(f'{user}:{password}'.encode()).decode()
    config.setdefault('auths', {})[server] = {'auth': token}
    _store(config)
    core.complain(
        f'WARNING! Your password will be stored unencrypted in {_config_path()}.\n'
        'Configure a credential helper to remove this '
        'warning. See\nhttps://docs.docker.com/engine/reference/commandline/login/#credentials-store\n'
    )
    core.say('Login Succeeded')
    return 0


def _authenticate(server: str, user: str, password: str) -> None:
    registry = core.read_json(REGISTRIES, {}).get(server)
    if registry is None:
        return
    if registry.get('down'):
        raise core.Refused(
            f'Error response from daemon: Get "https://{server}/v2/": dial tcp: lookup {server}: no such host'
        )
    if registry.get('users', {}).get(user) != password:
        raise core.Refused(
            f'Error response from daemon: Get "https://{server}/v2/": unauthorized: incorrect username or password'
        )


def _logout(call: Call) -> int:
    server = call.words[0] if call.words else HUB
    config = _config()
    if server not in config.get('auths', {}):
        core.say(f'Not logged in to {server}')
        return 0
    core.say(f'Removing login credentials for {server}')
    del config['auths'][server]
    _store(config)
    return 0


# what it says of itself


def _facts() -> dict[str, Any]:
    kept = core.peek('docker')
    settings, containers = kept.get('settings', {}), kept.get('containers', {})
    drivers = [
        each.partition('=')[2] for each in settings.get('exec-opts', []) if each.startswith('native.cgroupdriver=')
    ]
    return {
        'Containers': len(containers),
        'ContainersRunning': sum(each['state'] == 'running' for each in containers.values()),
        'Images': len(kept.get('images', {})),
        'ServerVersion': dockerd.VERSION,
        'Driver': settings.get('storage-driver', 'overlay2'),
        'LoggingDriver': settings.get('log-driver', 'json-file'),
        'CgroupDriver': (drivers or ['cgroupfs'])[-1],
        'Runtimes': {'runc': {'path': 'runc'}} | settings.get('runtimes', {}),
        'DefaultRuntime': settings.get('default-runtime', 'runc'),
        'DockerRootDir': settings.get('data-root', '/var/lib/docker'),
        'HttpProxy': kept.get('proxies', {}).get('HTTP_PROXY', ''),
        'HttpsProxy': kept.get('proxies', {}).get('HTTPS_PROXY', ''),
        'NoProxy': kept.get('proxies', {}).get('NO_PROXY', ''),
        'Name': os.uname().nodename,
        'OperatingSystem': 'Ubuntu 22.04.3 LTS',
        'RegistryConfig': {
            'InsecureRegistryCIDRs': ['127.0.0.0/8'],
            'InsecureRegistries': settings.get('insecure-registries', []),
            'Mirrors': settings.get('registry-mirrors', []),
        },
    }


def formatted(form: str, facts: dict[str, Any]) -> str:
    """Fill in `{{.A.B}}` and `{{json .A}}`, which is as much of Go's templates as scripts use here."""

    def value(match: re.Match[str]) -> str:
        found: Any = facts
        for part in match.group(2).split('.'):
            found = found[part] if part else found
        return json.dumps(found) if match.group(1) else str(found)

    try:
        return re.sub(r'\{\{\s*(json\s+)?\.([\w.]*)\s*\}\}', value, form)
    except (KeyError, TypeError) as error:
        raise core.Refused(
            f'Template parsing error: template: :1:2: executing "" at <{form}>: no field {error}'
        ) from error


def _info(call: Call) -> int:
    facts = _facts()
    if call.get('-f', '--format'):
        core.say(formatted(call.get('-f', '--format'), facts))
        return 0
    core.say(f'Client:\n Context:    default\n Debug Mode: false\n\nServer:\n Containers: {facts["Containers"]}')
    core.say(
        f' Running: {facts["ContainersRunning"]}\n Images: {facts["Images"]}\n Server Version: {facts["ServerVersion"]}'
    )
    core.say(
        f' Storage Driver: {facts["Driver"]}\n Logging Driver: {facts["LoggingDriver"]}\n'
        f' Cgroup Driver: {facts["CgroupDriver"]}'
    )
    core.say(f' Runtimes: {" ".join(sorted(facts["Runtimes"]))}\n Default Runtime: {facts["DefaultRuntime"]}')
    for title, key in (('HTTP Proxy', 'HttpProxy'), ('HTTPS Proxy', 'HttpsProxy'), ('No Proxy', 'NoProxy')):
        if facts[key]:
            core.say(f' {title}: {facts[key]}')
    registries = facts['RegistryConfig']
    core.say(f' Docker Root Dir: {facts["DockerRootDir"]}\n Insecure Registries:')
    for each in registries['InsecureRegistries'] + registries['InsecureRegistryCIDRs']:
        core.say(f'  {each}')
    return 0


def _version(call: Call) -> int:
    up = is_up('dockerd')
    client = {'Version': dockerd.VERSION, 'ApiVersion': '1.41', 'Os': 'linux', 'Arch': 'amd64'}
    form = call.get('-f', '--format')
    if form and (up or 'Server' not in form):
        core.say(formatted(form, {'Client': client, 'Server': client if up else None}))
        return 0
    if not form:
        core.say(f'Client:\n Version:           {dockerd.VERSION}\n API version:       1.41')
    if not up:
        raise core.Refused(NO_DAEMON)
    core.say(
        f'\nServer:\n Engine:\n  Version:          {dockerd.VERSION}\n  API version:      1.41 (minimum version 1.12)'
    )
    return 0


# images and containers


def _full(image: str) -> str:
    return image if ':' in image.rpartition('/')[2] or '@' in image else f'{image}:latest'


def _pull(call: Call) -> int:
    image = _full(call.words[0]) if call.words else ''
    if not image:
        raise core.Refused('"docker pull" requires exactly 1 argument.')
    with core.state('docker') as kept:
        _add_image(kept, image)
    core.say(f'Status: Downloaded newer image for {image}\n{image}')
    return 0


def _add_image(kept: dict[str, Any], image: str) -> None:
    registry = image.partition('/')[0] if '/' in image and '.' in image.partition('/')[0] else HUB
    if core.read_json(REGISTRIES, {}).get(registry, {}).get('down'):
        raise core.Refused(
            f'Error response from daemon: Get "https://{registry}/v2/": dial tcp: lookup {registry}: no such host'
        )
    kept.setdefault('images', {}).setdefault(image, {'id': hashlib.sha256(image.encode()).hexdigest()[:12]})


def _images(call: Call) -> int:
    images = core.peek('docker').get('images', {})
    untagged_only = 'dangling=true' in (call.get('--filter'), call.get('-f'))
    shown = {name: each for name, each in images.items() if not untagged_only}
    if call.has('-q', '--quiet'):
        for each in shown.values():
            core.say(each['id'])
        return 0
    core.say('REPOSITORY                TAG       IMAGE ID       CREATED        SIZE')
    for name, each in shown.items():
        repository, _, tag = name.rpartition(':')
        core.say(f'{repository:<25} {tag:<9} {each["id"]:<14} 1 second ago   1MB')
    return 0


def _run(call: Call) -> int:
    if not call.words:
        raise core.Refused('"docker run" requires at least 1 argument.')
    with core.state('docker') as kept:
        image = _full(call.words[0])
        _add_image(kept, image)
        number = hashlib.sha256(f'{image}{time.time_ns()}'.encode()).hexdigest()
        name = call.get('--name') or f'stand_in_{number[:6]}'
        containers = kept.setdefault('containers', {})
        if any(each['name'] == name for each in containers.values()):
            raise core.Refused(
                f'docker: Error response from daemon: Conflict. The container name "/{name}" is already in use.', 125
            )
        detached = call.has('-d', '--detach')
        if detached or not call.has('--rm'):
            containers[number] = {
                'name': name,
                'image': image,
                'state': 'running' if detached else 'exited',
                'command': call.words[1:],
            }
    if detached:
        core.say(number)
    return 0


def _ps(call: Call) -> int:
    containers = core.peek('docker').get('containers', {})
    shown = {key: each for key, each in containers.items() if call.has('-a', '--all') or each['state'] == 'running'}
    if call.has('-q', '--quiet'):
        for key in shown:
            core.say(key[:12])
        return 0
    if call.get('--format'):
        for key, each in shown.items():
            facts = {
                'ID': key[:12],
                'Names': each['name'],
                'Image': each['image'],
                'Status': each['state'],
                'State': each['state'],
            }
            core.say(formatted(call.get('--format'), facts))
        return 0
    core.say('CONTAINER ID   IMAGE                     COMMAND   CREATED        STATUS    PORTS     NAMES')
    for key, each in shown.items():
        core.say(
            f'{key[:12]}   {each["image"]:<25} "..."     1 second ago   {each["state"]:<9}           {each["name"]}'
        )
    return 0


def _change(call: Call, state: str) -> int:
    """Bring containers to a state, or remove them for ''."""
    code = 0
    with core.state('docker') as kept:
        containers = kept.setdefault('containers', {})
        for word in call.words:
            key = next((key for key, each in containers.items() if key.startswith(word) or each['name'] == word), '')
            if not key:
                core.complain(f'Error: No such container: {word}')
                code = 1
            elif state:
                containers[key]['state'] = state
            elif containers[key]['state'] == 'running' and not call.has('-f', '--force'):
                core.complain(
                    f'Error response from daemon: You cannot remove a running container {key}. '
                    'Stop the container before attempting removal or force remove'
                )
                code = 1
                continue
            else:
                del containers[key]
            core.say(word) if key else None
    return code


def _rmi(call: Call) -> int:
    code = 0
    with core.state('docker') as kept:
        images = kept.setdefault('images', {})
        for word in call.words:
            name = next((name for name, each in images.items() if name == _full(word) or each['id'] == word), '')
            if not name:
                core.complain(f'Error: No such image: {word}')
                code = 1
                continue
            del images[name]
            core.say(f'Untagged: {name}')
    return code


def _prune(call: Call) -> int:
    """Remove what stopped; with -a images that no container uses as well."""
    with core.state('docker') as kept:
        containers = kept.setdefault('containers', {})
        kept['containers'] = {key: each for key, each in containers.items() if each['state'] == 'running'}
        if call.has('-a', '--all'):
            used = {each['image'] for each in kept['containers'].values()}
            kept['images'] = {name: each for name, each in kept.get('images', {}).items() if name in used}
    core.say('Total reclaimed space: 0B')
    return 0


def _prune_images(call: Call) -> int:
    with core.state('docker') as kept:
        used = {each['image'] for each in kept.get('containers', {}).values()}
        if call.has('-a', '--all'):
            kept['images'] = {name: each for name, each in kept.get('images', {}).items() if name in used}
    core.say('Total reclaimed space: 0B')
    return 0


VERBS: dict[str, Callable[[Call], int]] = {
    'login': _login,
    'logout': _logout,
    'info': _info,
    'version': _version,
    'pull': _pull,
    'images': _images,
    'run': _run,
    'ps': _ps,
    'start': lambda call: _change(call, 'running'),
    'stop': lambda call: _change(call, 'exited'),
    'kill': lambda call: _change(call, 'exited'),
    'rm': lambda call: _change(call, ''),
    'rmi': _rmi,
    'prune': _prune,
    'container-prune': _prune,
    'image-prune': _prune_images,
}
