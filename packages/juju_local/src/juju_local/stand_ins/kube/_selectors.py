"""Label and field selectors. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]
_SET = re.compile(r'^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$')
_EQUAL = re.compile(r'^(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!,()]*)$')
_NUMBER = re.compile(r'^(?P<key>[^\s!=,()<>]+)\s*(?P<op>[<>])\s*(?P<value>-?\d+)$')
_EXISTS = re.compile(r'^(?P<not>!?)\s*(?P<key>[^\s!=,()<>]+)$')


class SelectorError(ValueError):
    """A selector that cannot be read; the text says why."""


@dataclass(frozen=True)
class Requirement:
    key: str
    operator: str  # in, notin, exists, absent, gt, lt
    values: tuple[str, ...] = ()

    def is_met(self, labels: Mapping[str, str]) -> bool:
        present = self.key in labels
        if self.operator in ('exists', 'absent'):
            return present is (self.operator == 'exists')
        if self.operator == 'in':
            return present and labels[self.key] in self.values
        if self.operator == 'notin':
            return not present or labels[self.key] not in self.values
        return present and _compare(labels[self.key], self.operator, int(self.values[0]))


def _compare(text: str, operator: str, limit: int) -> bool:
    if not re.fullmatch(r'-?\d+', text):
        return False
    return int(text) > limit if operator == 'gt' else int(text) < limit


def parse_labels(text: str) -> list[Requirement]:
    """Parse `a=b,c!=d,e in (f,g),h,!i`; raises SelectorError."""
    return [_requirement(part.strip()) for part in _parts(text) if part.strip()]


def _parts(text: str) -> list[str]:
    return re.split(r',(?![^(]*\))', text)


def _requirement(part: str) -> Requirement:
    if found := _SET.match(part):
        values = tuple(value.strip() for value in found['values'].split(','))
        return Requirement(found['key'], found['op'], values)
    if found := _EQUAL.match(part):
        return Requirement(found['key'], 'notin' if found['op'] == '!=' else 'in', (found['value'],))
    if found := _NUMBER.match(part):
        return Requirement(found['key'], 'gt' if found['op'] == '>' else 'lt', (found['value'],))
    if found := _EXISTS.match(part):
        return Requirement(found['key'], 'absent' if found['not'] else 'exists')
    raise SelectorError(f'unable to parse requirement: found {part!r}')


def from_object(selector: Mapping[str, Any] | None) -> list[Requirement] | None:
    """Return the requirements of a LabelSelector; None (which matches nothing) for a missing one."""
    if selector is None:
        return None
    found = [Requirement(key, 'in', (value,)) for key, value in (selector.get('matchLabels') or {}).items()]
    operators = {'In': 'in', 'NotIn': 'notin', 'Exists': 'exists', 'DoesNotExist': 'absent'}
    for expression in selector.get('matchExpressions') or []:
        values = tuple(expression.get('values') or ())
        found.append(Requirement(expression['key'], operators[expression['operator']], values))
    return found


def matches(requirements: list[Requirement] | None, labels: Mapping[str, str] | None) -> bool:
    return requirements is not None and all(requirement.is_met(labels or {}) for requirement in requirements)


_FIELDS: dict[str, set[str]] = {
    'pods': {
        'spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'status.phase',
        'status.podIP', 'status.nominatedNodeName',
    },
    'nodes': {'spec.unschedulable'},
    'namespaces': {'status.phase'},
    'secrets': {'type'},
    'replicasets': {'status.replicas'},
    'replicationcontrollers': {'status.replicas'},
    'jobs': {'status.successful'},
    'events': {
        'involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid',
        'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'source',
        'type',
    },
}  # fmt: skip


def parse_fields(text: str, plural: str) -> list[Requirement]:
    """Parse `a.b=c,d!=e`; raises SelectorError for a field this resource cannot be selected by."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(','))):
        match = _EQUAL.match(part)
        if not match:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        key = match['key']
        if key not in {'metadata.name', 'metadata.namespace'} | _FIELDS.get(plural, set()):
            raise SelectorError(_unknown_field(key, plural))
        found.append(Requirement(key, 'notin' if match['op'] == '!=' else 'in', (match['value'],)))
    return found


def named(text: str) -> str:
    """Return the one name that a field selector asks for, '' if it asks for none: authorizers take it for the name."""
    for part in filter(None, (part.strip() for part in text.split(','))):
        match = _EQUAL.match(part)
        if match and match['key'] == 'metadata.name' and match['op'] != '!=':
            return match['value']
    return ''


def _unknown_field(key: str, plural: str) -> str:
    if plural in _FIELDS:
        return f'field label not supported: {key}'
    return f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def matches_fields(requirements: list[Requirement], obj: Object) -> bool:
    return all(requirement.is_met({requirement.key: _field(obj, requirement.key)}) for requirement in requirements)


def _field(obj: Object, path: str) -> str:
    value: Any = obj
    for step in path.split('.'):
        value = value.get(step) if isinstance(value, Mapping) else None
    if path == 'spec.unschedulable':
        return 'true' if value else 'false'
    return '' if value is None else str(value)
