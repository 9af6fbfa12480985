"""The flags of kube-proxy as a KubeProxyConfiguration, where that can say the same.

Beside its file kube-proxy takes every flag, and goes by few of them, without a word about the others. A zero in the
file means the default, so nothing there says what a flag of zero says, unless the field is a pointer in Go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from charms.layer.kubernetes_common import trees, versions

from . import field_kinds, version_table

HEAD = {'apiVersion': 'kubeproxy.config.k8s.io/v1alpha1', 'kind': 'KubeProxyConfiguration'}
FILE = versions.Span(first=(1, 10))  # before, the file held feature gates as one text
BESIDE = '-'  # in the table: no field, and the flag is heeded beside the file


@dataclass(frozen=True)
class Split:
    """A command line, as a file and what is left of it."""

    config: Mapping[str, object]
    flags: Mapping[str, str]  # heeded beside the file


def split(flags: Mapping[str, str]) -> Split | None:
    """Return flags as a file and flags beside it; None when one of them says what no file can."""
    table = version_table.proxy_fields()
    config: dict[str, object] = dict(HEAD)
    beside: dict[str, str] = {}
    for flag, text in flags.items():
        field, kind = table.get(flag, ('', ''))
        if field == BESIDE:
            beside[flag] = text
        elif (found := value(text, kind)) is None:
            return None
        else:
            config = trees.merge(config, _at(field, found))
    # in this mode, what flags call iptables is read from fields of another name
    return None if config.get('mode') == 'nftables' and 'iptables' in config else Split(config, beside)


def value(text: str, kind: str) -> object:
    """Return the text of a flag as a value for a field of this type of Go; None when that would say something else."""
    read = _READ.get(kind.lstrip('*'))
    return None if read is None or (_is_zero(text, kind) and not kind.startswith('*')) else read(text)


def _is_zero(text: str, kind: str) -> bool:
    return not text or (kind.endswith(_NUMBERS) and not re.search('[1-9]', text))


def _at(field: str, found: object) -> dict[str, object]:
    first, _, rest = field.partition('.')
    return {first: _at(rest, found) if rest else found}


def _integer(text: str) -> object:
    plain = re.fullmatch(r'0|-?[1-9]\d{0,9}', text, re.ASCII)  # Go reads 010 as eight
    return int(text) if plain and field_kinds.fits(int(text), 'int32') else None


def _number(text: str) -> object:
    return float(text) if re.fullmatch(r'\d{1,9}(\.\d{1,9})?', text, re.ASCII) else None


def _duration(text: str) -> object:
    return text if field_kinds.fits(text, 'metav1.Duration') else None


def _list(text: str) -> object:
    items = text.split(',')
    return items if all(items) and '"' not in text else None


def _gates(text: str) -> object:
    pairs = [item.strip().partition('=') for item in text.split(',')]
    plain = all(name and setting in _BOOLS for name, _, setting in pairs)
    return {name.strip(): _BOOLS[setting] for name, _, setting in pairs} if plain else None


_NUMBERS = ('int32', 'float32', 'Duration')
_BOOLS = {'true': True, 'false': False}
_READ: Mapping[str, Callable[[str], object]] = {
    '[]string': _list,
    'bool': _BOOLS.get,
    'float32': _number,
    'int32': _integer,
    'map[string]bool': _gates,
    'metav1.Duration': _duration,
    'string': str,
}
