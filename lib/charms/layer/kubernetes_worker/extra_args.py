"""The operator's extra arguments, against what the installed programs take."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from charms.layer.kubernetes_common import versions
from charms.layer.kubernetes_common.options import Fault
from charms.layer.kubernetes_common.versions import Span

from . import version_table
from .facts import Program

OPTIONS = {'kubelet': 'kubelet-extra-args', 'kube-proxy': 'proxy-extra-args'}
DOCKERSHIM = Span(last=(1, 23))  # the kubelets that can use docker
KINDS = (  # of values, as help names them
    (re.compile('bool'), re.compile('true|false'), 'true or false'),
    (re.compile(r'u?int\d*'), re.compile(r'[+-]?\d+'), 'a number'),
    (re.compile('duration'), re.compile(r'[+-]?(0|(\d+(\.\d*)?(ns|us|ms|s|m|h))+)'), 'a duration such as 90s or 1h30m'),
)


def kinds(usage: str) -> dict[str, str]:
    """Return all flags in the text that `PROGRAM --help` prints, and the kind of their values (`bool` for switches)."""
    found = re.findall(r'(?m)^ *(?:-\w, )?--([a-z0-9][a-z0-9.-]*)(?:$| {2,}| (\S+))', usage)
    return {name: kind.partition('[=')[0] or 'bool' for name, kind in found}  # version[=true]: a bare flag means true


def takes(program: Program, flag: str) -> bool:
    """Tell whether a program takes a flag. What its help lists, it takes; the table knows the flags that help hides."""
    row = version_table.flags(program.name).get(flag, version_table.Flag())
    if not program.kinds:  # it could not be asked
        return program.version in row.span
    return flag in program.kinds or (row.hidden and program.version in row.span)


def faults(program: Program, arguments: Mapping[str, str]) -> list[Fault]:
    """Return one fault for each argument that the program would not take: the snap drops it, or the program ends."""
    option = OPTIONS[program.name]
    found = [(name, _fault(program, name, value)) for name, value in arguments.items()]
    return [Fault(option, reason, (name,)) for name, reason in found if reason]


def without(arguments: Mapping[str, str], found: Collection[Fault]) -> dict[str, str]:
    """Return the arguments less the faulty ones."""
    faulty = {fault.path[0] for fault in found}
    return {name: value for name, value in arguments.items() if name not in faulty}


def _fault(program: Program, name: str, value: str) -> str:
    if not takes(program, name):
        return f'{_named(program)} has no flag {name[:60]}{_history(program, name)}'
    if program.name == 'kubelet' and program.version not in DOCKERSHIM and _asks_for_dockershim(name, value):
        return (
            f'{name}={value[:60]} asks {_named(program)} for dockershim, which went with 1.24: '
            'take it out, or set channel to 1.23 or earlier'
        )
    for kind, values, wanted in KINDS:
        if kind.fullmatch(program.kinds.get(name, '')) and not values.fullmatch(value):
            return f'flag {name} expects {wanted}, got {value[:40]!r}'
    return ''


def _asks_for_dockershim(name: str, value: str) -> bool:
    return (name == 'container-runtime' and value == 'docker') or (
        name == 'container-runtime-endpoint' and 'dockershim' in value
    )


def _history(program: Program, name: str) -> str:
    """Return when the flag went or came, or what might have been meant."""
    span = version_table.flags(program.name).get(name, version_table.Flag()).span
    if span.last and program.version[:2] > span.last:
        return f': it went with {versions.text((span.last[0], span.last[1] + 1))}'
    if span.first and program.version[:2] < span.first:
        return f': it came with {versions.text(span.first)}'
    import difflib  # only for who mistypes: every hook imports this module

    close = difflib.get_close_matches(name, program.kinds, 1)
    return f'; is {close[0]} meant?' if close else ''


def _named(program: Program) -> str:
    return f'{program.name} {versions.text(program.version)}'
