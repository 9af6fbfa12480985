"""What a fleet's files say: which agents there should be, and how much they may ask of a server. Computes only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

import yaml
from aioclustermanager.kubernetes import Pace

from . import _durations, _features, _names
from ._options import AgentOptions, InvalidOptions, SpokeAgentOptions

_OWN = ('kubeconfig', 'feature_gates')  # beside the options of an agent
_ALLOWED = {
    **{each.name: AgentOptions for each in fields(AgentOptions)},
    **{each.name: SpokeAgentOptions for each in fields(SpokeAgentOptions) if each.name != 'health'},
}
_LIMITS = {'requests-per-second': 'qps', 'burst': 'burst', 'at-once': 'at_once'}
_PARTS = ('defaults', 'clusters', 'limits')
PACE = Pace(qps=200.0, burst=400, at_once=100)  # a server takes 400 requests at once, and has other clients
_LOADER: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # ten times as fast, where libyaml is
_ALSO = {'cluster_healthcheck_period': 'cluster_health_check_period'}  # the flag has a word less than the field


@dataclass(frozen=True)
class Member:
    """One agent of a fleet, as the file says; two that are equal need no change."""

    name: str
    values: tuple[tuple[str, str], ...]  # option to JSON, sorted

    def options(self) -> tuple[AgentOptions, SpokeAgentOptions, dict[str, bool], str]:
        """Return the options, the gates and the management kubeconfig. Raises ValueError."""
        common, options, gates, management = AgentOptions(), SpokeAgentOptions(), dict[str, bool](), ''
        for key, text in self.values:
            value = json.loads(text)
            if key == 'kubeconfig':
                management = str(value)
            elif key == 'feature_gates':
                gates = _features.parse(str(value))
            else:
                target: object = common if _ALLOWED[key] is AgentOptions else options
                setattr(target, key, _converted(key, value, getattr(target, key)))
        return common, options, gates, management


@dataclass(frozen=True)
class Plan:
    """What all files say together."""

    members: Mapping[str, Member]
    pace: Pace = PACE


@dataclass
class _Reading:
    """What has been read so far."""

    namespace: str
    members: dict[str, Member] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    places: dict[tuple[str, ...], str] = field(default_factory=dict)  # folder or secret to who writes there


def plan(texts: Mapping[str, str], namespace: str = '') -> Plan:
    """Return what files say. Raises InvalidOptions, naming file, cluster and option of all faults.

    namespace: the component namespace of clusters that say none.
    """
    reading = _Reading(namespace)
    for source, text in sorted(texts.items()):
        try:
            document: Any = _loaded(text) or {}
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            reading.faults.append(f'{source}: {_yaml_fault(error)}')
            continue
        if not isinstance(document, dict) or not all(isinstance(document.get(part) or {}, dict) for part in _PARTS):
            reading.faults.append(f'{source}: expected a mapping with `clusters`, a mapping of names')
            continue
        reading.faults += [f'{source}: there is no part {part!r}' for part in document if part not in _PARTS]
        _read_limits(reading, source, document.get('limits') or {})
        defaults = document.get('defaults') or {}
        for name, own in (document.get('clusters') or {}).items():
            if isinstance(own or {}, dict):
                _read_member(reading, source, str(name), {**defaults, **(own or {})})
            else:
                reading.faults.append(f'{source}: {name}: expected a mapping of options, got {own!r}')
    if reading.faults:
        raise InvalidOptions(reading.faults)
    limits = {'qps': PACE.qps, 'burst': PACE.burst, 'at_once': PACE.at_once, **reading.limits}
    return Plan(reading.members, Pace(limits['qps'], int(limits['burst']), int(limits['at_once'])))


def _loaded(text: str) -> Any:
    """Return what YAML says, but for a key that is there twice: of those it takes the last, and says nothing."""
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        _refuse_twice(node, set())
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_twice(node: Any, seen: set[int]) -> None:
    """Raises ConstructorError."""
    if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
        return
    seen.add(id(node))
    names = set[str]()
    for each in node.value:
        for part in each if isinstance(each, tuple) else (each,):
            _refuse_twice(part, seen)
        if isinstance(each, tuple) and isinstance(each[0], yaml.ScalarNode):
            if each[0].value in names:
                problem = f'{each[0].value!r} is there twice'
                raise yaml.constructor.ConstructorError(None, None, problem, each[0].start_mark)
            names.add(each[0].value)


def _yaml_fault(error: Exception) -> str:
    mark = getattr(error, 'problem_mark', None)
    where = f' at line {mark.line + 1}' if mark else ''
    return f'no YAML that can be used: {getattr(error, "problem", None) or type(error).__name__}{where}'


def _read_limits(reading: _Reading, source: str, told: Mapping[str, Any]) -> None:
    for key, value in told.items():
        option = _LIMITS.get(str(key))
        if option is None:
            reading.faults.append(f'{source}: limits: there is no {key!r} (known: {", ".join(_LIMITS)})')
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            reading.faults.append(f'{source}: limits: {key}: expected a number, 0 for no limit, got {value!r}')
        elif reading.limits.setdefault(option, value) != value:
            reading.faults.append(f'{source}: limits: another file has another {key}')


def _read_member(reading: _Reading, source: str, name: str, told: Mapping[str, Any]) -> None:
    faults, values = list[str](), {'spoke_cluster_name': json.dumps(name)}
    values |= {'component_namespace': json.dumps(reading.namespace)} if reading.namespace else {}
    for key, value in told.items():
        option = str(key).replace('-', '_')
        option = _ALSO.get(option, option)
        if option not in _ALLOWED and option not in _OWN:
            faults.append(f'there is no option {key!r}')
            continue
        filled = value.replace('{name}', name) if isinstance(value, str) else value
        try:
            text = json.dumps(filled, default=str)
            Member(name, ((option, text),)).options()
        except ValueError as error:
            faults.append(str(error))
        else:
            values[option] = text
    member = Member(name, tuple(sorted(values.items())))
    common, options, _, management = member.options()
    faults += [*options.faults(), *_names.faults_of_flags(name, common.agent_id)]
    _check_places(reading, name, common, options, management)
    if name in reading.members:
        faults.append('is there twice')
    reading.members[name] = member
    reading.faults += [f'{source}: {name}: {each}' for each in faults]


def _check_places(
    reading: _Reading, name: str, common: AgentOptions, options: SpokeAgentOptions, management: str
) -> None:
    """Refuse two agents that would write into one folder or one secret."""
    secret = (management, common.component_namespace, options.hub_kubeconfig_secret)
    for what, key in (('hub-kubeconfig-dir', (common.hub_kubeconfig_dir,)), ('hub-kubeconfig-secret', secret)):
        other = reading.places.setdefault((what, *key), name)
        if other != name:
            reading.faults.append(f'{name} and {other} have the same {what} (use {{name}} in it)')


def _converted(key: str, value: Any, now: object) -> object:
    """Return a value as its option wants it: as the value it has now. Raises ValueError."""
    if isinstance(now, timedelta):
        return _durations.parse(str(value))
    if isinstance(now, str) and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(now, list) and isinstance(value, list):
        return [_converted(key, each, '') for each in value]
    if isinstance(now, dict) and isinstance(value, dict):
        return {name: _converted(key, each, '') for name, each in value.items()}
    wanted = (int, float) if isinstance(now, float) else type(now)
    if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(now, bool):
        raise ValueError(f'{key.replace("_", "-")}: expected {_KINDS.get(type(now), "another value")}, got {value!r}')
    return value


_KINDS = {str: 'text', int: 'a whole number', float: 'a number', list: 'a list', dict: 'a mapping'}
