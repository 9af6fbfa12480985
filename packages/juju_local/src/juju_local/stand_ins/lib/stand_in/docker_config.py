"""What dockerd accepts: flags and /etc/docker/daemon.json as version 20.10 reads them. Computing only."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BOOLEAN = {
    'debug', 'experimental', 'icc', 'init', 'ip-forward', 'ip-masq', 'iptables', 'ip6tables', 'ipv6', 'live-restore',
    'no-new-privileges', 'raw-logs', 'rootless', 'selinux-enabled', 'tls', 'tlsverify', 'userland-proxy',
    'disable-legacy-registry',
}  # fmt: skip
WITH_VALUE = {
    'add-runtime', 'allow-nondistributable-artifacts', 'api-cors-header', 'authorization-plugin', 'bip', 'bridge',
    'cgroup-parent', 'config-file', 'containerd', 'containerd-namespace', 'containerd-plugins-namespace',
    'cpu-rt-period', 'cpu-rt-runtime', 'data-root', 'graph', 'default-address-pool', 'default-cgroupns-mode',
    'default-gateway', 'default-gateway-v6', 'default-ipc-mode', 'default-runtime', 'default-shm-size',
    'default-ulimit', 'dns', 'dns-opt', 'dns-search', 'exec-opt', 'exec-root', 'fixed-cidr', 'fixed-cidr-v6', 'group',
    'host', 'init-path', 'insecure-registry', 'ip', 'label', 'log-driver', 'log-level', 'log-opt',
    'max-concurrent-downloads', 'max-concurrent-uploads', 'max-download-attempts', 'metrics-addr', 'mtu',
    'network-control-plane-mtu', 'node-generic-resource', 'oom-score-adjust', 'pidfile', 'registry-mirror',
    'seccomp-profile', 'shutdown-timeout', 'storage-driver', 'storage-opt', 'swarm-default-advertise-addr',
    'tlscacert', 'tlscert', 'tlskey', 'userland-proxy-path', 'userns-remap',
}  # fmt: skip
SHORT = {
    '-D': 'debug',
    '-H': 'host',
    '-s': 'storage-driver',
    '-l': 'log-level',
    '-G': 'group',
    '-p': 'pidfile',
    '-g': 'graph',
    '-b': 'bridge',
}
# flag -> key of daemon.json, where they differ
KEYS = {
    'insecure-registry': 'insecure-registries', 'registry-mirror': 'registry-mirrors', 'host': 'hosts',
    'label': 'labels',
    'exec-opt': 'exec-opts', 'storage-opt': 'storage-opts', 'log-opt': 'log-opts', 'dns-opt': 'dns-opts',
    'add-runtime': 'runtimes', 'default-ulimit': 'default-ulimits', 'authorization-plugin': 'authorization-plugins',
    'default-address-pool': 'default-address-pools', 'node-generic-resource': 'node-generic-resources',
    'dns-search': 'dns-search', 'allow-nondistributable-artifacts': 'allow-nondistributable-artifacts',
}  # fmt: skip
MERGED = {'runtimes'}  # given in both places, these add up
ONLY_IN_FILE = {
    'features',
    'builder',
    'proxies',
    'max-download-attempts',
    'cluster-store',
    'cluster-advertise',
    'cluster-store-opts',
}


class Invalid(ValueError):
    """dockerd would not start; the text is what it says, `code` its exit status."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def flags(arguments: list[str]) -> dict[str, list[str]]:
    """Return the flags of a command line, each with its values.

    Raises:
        Invalid: an unknown flag, one without its value, or words besides.
    """
    found: dict[str, list[str]] = {}
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        if not word.startswith('-'):
            raise Invalid(f'"dockerd" accepts no arguments.\nSee \'dockerd --help\'.\n\nunexpected argument: {word}', 1)
        name, equals, value = _named(word)
        if name in BOOLEAN:
            found.setdefault(name, []).append(value if equals else 'true')
            continue
        if name not in WITH_VALUE:
            raise Invalid(f"unknown flag: {word.partition('=')[0]}\nSee 'dockerd --help'.", 125)
        if not equals:
            if not todo:
                raise Invalid(f"flag needs an argument: {word}\nSee 'dockerd --help'.", 125)
            value = todo.pop(0)
        found.setdefault(name, []).append(value)
    return found


def usage() -> str:
    """Return what `dockerd --help` prints, less the explanations."""
    short = {name: letter for letter, name in SHORT.items()}
    lines = []
    for name in sorted(BOOLEAN | WITH_VALUE):
        letter = f'{short[name]}, ' if name in short else '    '
        lines.append(f'  {letter}--{name}{" string" if name in WITH_VALUE else ""}')
    return '\n'.join(['', 'Usage:\tdockerd [OPTIONS]', '', 'Options:', *lines])


def _named(word: str) -> tuple[str, bool, str]:
    """Return a flag's name, whether a value is attached, and the value."""
    if word.startswith('--'):
        name, equals, value = word[2:].partition('=')
        return name, bool(equals), value
    name = SHORT.get(word[:2], word)
    value = word[2:].removeprefix('=')
    return name, bool(value), value


def file(text: str, given: dict[str, list[str]]) -> dict[str, Any]:
    """Return daemon.json's settings, checked against the flags.

    Raises:
        Invalid: no JSON, an unknown key, or one that is also a flag.
    """
    try:
        known = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise Invalid(_unable(f'invalid character: {error}')) from error
    if not isinstance(known, dict):
        raise Invalid(_unable('json: cannot unmarshal array into Go value of type map[string]interface {}'))
    allowed = {KEYS.get(name, name) for name in BOOLEAN | WITH_VALUE} | ONLY_IN_FILE
    unknown = sorted(set(known) - allowed)
    if unknown:
        raise Invalid(_unable(f"the following directives don't match any configuration option: {', '.join(unknown)}"))
    both = [(KEYS.get(name, name), values) for name, values in sorted(given.items()) if KEYS.get(name, name) in known]
    clashes = [
        f'{key}: (from flag: {", ".join(values)}, from file: {known[key]})' for key, values in both if key not in MERGED
    ]
    if clashes:
        raise Invalid(
            _unable(
                'the following directives are specified both as a flag and in the configuration file: '
                + ', '.join(clashes)
            )
        )
    return known


def _unable(reason: str) -> str:
    return f'unable to configure the Docker daemon with file /etc/docker/daemon.json: {reason}'


def effective(given: dict[str, list[str]], known: dict[str, Any]) -> dict[str, Any]:
    """Return what the daemon runs with, flags and file together, under the file's keys.

    Raises:
        Invalid: a runtime that is nowhere defined.
    """
    found: dict[str, Any] = dict(known)
    for name, values in given.items():
        key = KEYS.get(name, name)
        if key == 'runtimes':
            found[key] = found.get(key, {}) | {
                value.partition('=')[0]: {'path': value.partition('=')[2]} for value in values
            }
        else:
            found[key] = values if key in KEYS.values() or len(values) > 1 else values[0]
    runtimes = {'runc', *found.get('runtimes', {})}
    if found.get('default-runtime', 'runc') not in runtimes:
        raise Invalid(f"specified default runtime '{found['default-runtime']}' does not exist")
    return found
