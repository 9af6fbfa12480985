"""Option kubelet-extra-config against the fields that the installed kubelet's KubeletConfiguration has.

A kubelet ends at a value of the wrong type, and passes over a key it does not know without a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from charms.layer.kubernetes_common import versions
from charms.layer.kubernetes_common.options import Fault
from charms.layer.kubernetes_common.versions import Version

from . import field_kinds, version_table

OPTION = 'kubelet-extra-config'
HEAD = {'apiVersion': 'kubelet.config.k8s.io/v1beta1', 'kind': 'KubeletConfiguration'}
FILE = versions.Span(first=(1, 10))  # the kubelets that read such a file


def faults(config: Mapping[str, object], version: Version) -> list[Fault]:
    """Return what a kubelet of this version would not take of a configuration, each with its place."""
    if version not in FILE:
        reason = f'needs Kubernetes 1.10 or later, kubelet is {versions.text(version)}'
        return [Fault(OPTION, reason, ())] if config else []
    found = []
    for key, value in config.items():
        if key in HEAD:
            found += [] if value == HEAD[key] else [Fault(OPTION, f'{key} must be {HEAD[key]}', (key,))]
        else:
            found += _faults((key,), key, value, version)
    return [*found, *_gates(config, version)]


def without(config: Mapping[str, object], found: Collection[Fault]) -> dict[str, object]:
    """Return the configuration less what is at the places of these faults."""
    faulty = {fault.path for fault in found}
    return {} if () in faulty else _without(config, faulty, ())


def _without(
    config: Mapping[str, object], faulty: Collection[tuple[str, ...]], at: tuple[str, ...]
) -> dict[str, object]:
    return {
        key: _without(value, faulty, (*at, key)) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if (*at, key) not in faulty
    }


def _faults(at: tuple[str, ...], path: str, value: object, version: Version) -> Iterator[Fault]:
    # a key with a dot in it is no path
    field = version_table.fields().get(path) if '.' not in at[-1] else None
    if field is None:
        yield Fault(OPTION, f'unknown key {_shown(path)}{_hint(path)}', at)
    elif version not in field.span:
        came = versions.text(field.span.first or version)
        yield Fault(OPTION, f'{path} came with {came}, kubelet is {versions.text(version)}', at)
    elif value is not None and not field_kinds.fits(value, field.kind):
        yield Fault(OPTION, f'{path} expects {field_kinds.named(field.kind)}, got {_shown(value)}', at)
    elif isinstance(value, Mapping) and _has_fields(path):
        for key, below in value.items():
            yield from _faults((*at, key), f'{path}.{key}', below, version)
    elif isinstance(value, list) and _has_fields(f'{path}[]'):
        for item in value:  # faults in a list take the whole of it
            for key, below in item.items() if isinstance(item, Mapping) else ():
                yield from (Fault(OPTION, found.reason, at) for found in _faults(at, f'{path}[].{key}', below, version))


def _gates(config: Mapping[str, object], version: Version) -> list[Fault]:
    found = config.get('featureGates')
    spans = version_table.gates()
    gone = (
        [name for name in found or () if name in spans and version not in spans[name]]
        if isinstance(found, Mapping)
        else []
    )
    return [Fault(OPTION, f'featureGates.{name}: {_went(spans[name])}', ('featureGates', name)) for name in gone]


def _went(span: versions.Span) -> str:
    major, minor = (span.last or (1, 0))[:2]
    return f'the gate went with {major}.{minor + 1}'


def _has_fields(path: str) -> bool:
    return any(other.startswith(f'{path}.') for other in version_table.fields())


def _hint(path: str) -> str:
    """Return where a key belongs, or what may have been meant by it."""
    above, _, key = path.rpartition('.')
    places = [other for other in version_table.fields() if _plain(other.rpartition('.')[2]) == _plain(key)]
    if places:
        return f': it belongs at {" or ".join(places[:3])}'
    import difflib  # only for who mistypes: every hook imports this module

    beside = [other for other in version_table.fields() if other.rpartition('.')[0] == above]
    close = difflib.get_close_matches(path, beside, 1)
    return f'; is {close[0]} meant?' if close else ''


def _plain(key: str) -> str:
    return re.sub('[-_]', '', key).lower()


def _shown(value: object) -> str:
    return ascii(value)[:60]
