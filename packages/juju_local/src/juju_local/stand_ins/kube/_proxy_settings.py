"""What kube-proxy runs with: its flags, or its --config file instead. Reads that file, and no other.

Beside the file the real one goes by --master, --hostname-override (since 1.13) and the flags for its log only; here
too, where nothing asks for the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import _fields, _flags, _program, _version

TABLE = 'kube-proxy-configuration.tsv'
KIND = ('kubeproxy.config.k8s.io/v1alpha1', 'KubeProxyConfiguration')
HEALTHZ = '0.0.0.0:10256'
_MODES = {'': ('', ''), 'userspace': ('', '1.25'), 'iptables': ('', ''), 'ipvs': ('', ''), 'nftables': ('1.29', '')}


@dataclass(frozen=True)
class Settings:
    kubeconfig: str
    healthz_address: str


def read(flags: Mapping[str, str], version: _version.Version) -> Settings:
    """Return the settings; raises Fatal for what the real one does not start with."""
    if not flags['config']:
        _check_mode(flags['proxy-mode'], version)
        return Settings(flags['kubeconfig'], flags['healthz-bind-address'])
    config = _load(flags['config'])
    if why := wrong(config, version):
        raise _program.Fatal(f'failed complete: {why}', 255)
    for name in unknown(config, version):
        _program.log('W', f'using lenient decoding as strict decoding failed: found unknown field: {name}')
    _check_mode(str(config.get('mode') or ''), version)
    kubeconfig = (config.get('clientConnection') or {}).get('kubeconfig') or ''
    return Settings(kubeconfig, config.get('healthzBindAddress') or HEALTHZ)


def wrong(config: Any, version: _version.Version) -> str:
    """Return why a file is refused, '' if it is good."""
    if not isinstance(config, dict):
        return "failed to decode: couldn't get version/kind; json parse error: cannot unmarshal"
    if (config.get('apiVersion'), config.get('kind')) != KIND:
        return (
            f'failed to decode: no kind "{config.get("kind")}" is registered for version "{config.get("apiVersion")}"'
        )
    for name, value, go in _fields.misfits(config, TABLE, version):
        return f'failed to decode: KubeProxyConfiguration.{name}: cannot read {_fields.json_kind(value)} as {go}'
    for gate in config.get('featureGates') or {}:
        if not _flags.is_gate(gate, version):
            return f'unrecognized feature gate: {gate}'
    return ''


def unknown(config: Mapping[str, Any], version: _version.Version) -> Iterator[str]:
    """Yield the fields that this version does not have, which it warns of and passes over."""
    known = {'apiVersion': '', 'kind': '', **_fields.fields(TABLE, version)}
    for name, value in config.items():
        if name not in known:
            yield name
        elif isinstance(value, dict) and not known[name].startswith('map['):
            yield from (f'{name}.{below}' for below in value if f'{name}.{below}' not in known)


def _load(path: str) -> Any:
    try:
        text = Path(path).read_text(encoding='utf-8')
    except OSError as error:
        raise _program.Fatal(f'failed complete: open {path}: {str(error.strerror).lower()}', 255) from error
    try:
        return yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise _program.Fatal(f'failed complete: failed to decode: yaml: {error}', 255) from error


def _check_mode(mode: str, version: _version.Version) -> None:
    known = sorted(name for name, span in _MODES.items() if _version.is_within(version, *span))
    if mode not in known:
        why = f'Invalid value: "{mode}": must be {",".join(filter(None, known))} or blank'
        raise _program.Fatal(f'failed validate: KubeProxyConfiguration.Mode.ProxyMode: {why}', 255)
