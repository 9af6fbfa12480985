"""What a kubelet runs with: its flags, and over defaults its --config file. Reads that file, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import _fields, _flags, _program, _version

Json = dict[str, Any]
# Field of KubeletConfiguration to the flag that means the same; the flag wins when it was given.
_SAME = {
    'address': 'address', 'port': 'port', 'tlsCertFile': 'tls-cert-file', 'tlsPrivateKeyFile': 'tls-private-key-file',
    'clusterDomain': 'cluster-domain', 'clusterDNS': 'cluster-dns', 'failSwapOn': 'fail-swap-on', 'maxPods': 'max-pods',
    'resolvConf': 'resolv-conf', 'featureGates': 'feature-gates', 'healthzPort': 'healthz-port',
    'containerRuntimeEndpoint': 'container-runtime-endpoint', 'cpuManagerPolicy': 'cpu-manager-policy',
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    flags: Mapping[str, str]
    version: _version.Version
    config: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return a field of the configuration, from the flag if that was given, else the file, else the default."""
        flag = _SAME[name]
        table = _flags.table('kubelet', self.version)
        if self.flags.get(flag, '') != (table[flag].default if flag in table else ''):
            return self.flags[flag]
        return self.config.get(name, self.flags.get(flag, ''))

    @property
    def client_authority(self) -> str:
        x509 = (self.config.get('authentication') or {}).get('x509') or {}
        return self.flags.get('client-ca-file') or str(x509.get('clientCAFile') or '')

    @property
    def anonymous(self) -> bool:
        """Tell whether requests without credentials are let in: the flag's default is yes, the file's is no."""
        if not self.flags.get('config'):
            return _flags.is_set(self.flags, 'anonymous-auth')
        return bool(((self.config.get('authentication') or {}).get('anonymous') or {}).get('enabled', False))

    @property
    def runtime(self) -> str:
        return self.flags.get('container-runtime', 'remote')


def read(flags: Mapping[str, str], version: _version.Version) -> Settings:
    """Return the settings; raises Fatal for a file that cannot be read or used."""
    path = flags.get('config')
    if not path:
        return Settings(flags, version)
    prefix = f'failed to load Kubelet config file {path}, error '
    try:
        text = Path(path).read_text(encoding='utf-8')
    except OSError as error:
        why = f'failed to read kubelet config file "{path}", error: open {path}: {str(error.strerror).lower()}'
        raise _program.Fatal(prefix + why) from error
    try:
        config = yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise _program.Fatal(f'{prefix}yaml: {error}') from error
    if why := wrong(config, version):
        raise _program.Fatal(prefix + why)
    return Settings(flags, version, config)


def wrong(config: Any, version: _version.Version) -> str:
    """Return why a configuration is refused, '' if it is good. Unknown fields are let pass, as v1beta1 does."""
    if not isinstance(config, dict):
        return "couldn't get version/kind; json parse error: cannot unmarshal into Go value of type struct"
    kind = (config.get('apiVersion'), config.get('kind'))
    if kind != ('kubelet.config.k8s.io/v1beta1', 'KubeletConfiguration'):
        return f'no kind "{kind[1]}" is registered for version "{kind[0]}"'
    for name, value, go in _fields.misfits(config, 'kubelet-configuration.tsv', version):
        field = f'KubeletConfiguration.{name}'
        return f'json: cannot unmarshal {_fields.json_kind(value)} into Go struct field {field} of type {go}'
    for gate in config.get('featureGates') or {}:
        if not _flags.is_gate(gate, version):
            return f'unrecognized feature gate: {gate}'
    return _invalid(config)


def _invalid(config: Json) -> str:
    port = config.get('port')
    if port is not None and not 0 < port < 65536:
        return f'invalid configuration: Port (--port) {port} must be between 1 and 65535, inclusive'
    if int(config.get('maxPods') or 0) < 0:
        return f'invalid configuration: MaxPods (--max-pods) {config["maxPods"]} must not be a negative number'
    return ''
