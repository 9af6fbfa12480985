"""The options of this layer, parsed; an invalid one counts as it last could. Computing only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from charms.layer.kubernetes_common import options

Config = Mapping[str, object]
ANNOTATION_PREFIX = 'agent.open-cluster-management.io'
GATES = ('ClusterClaim', 'AddonManagement', 'V1beta1CSRAPICompatibility', 'AllAlpha', 'AllBeta')
LABEL = re.compile(r'[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?', re.ASCII)
OBJECT = re.compile(r'(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*', re.ASCII)
DURATION = re.compile(r'(\d+(\.\d+)?(ms|h|m|s))+', re.ASCII)
NUMBER = re.compile(r'\d{1,9}', re.ASCII)


@dataclass(frozen=True)
class Settings:
    """What the operator wants. Field names are the options' without `hub`, dashes as underscores."""

    cluster_name: str = ''
    external_urls: tuple[str, ...] = ()
    claims: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    feature_gates: Mapping[str, bool] | None = None
    extra_args: Mapping[str, str] | None = None

    def is_on(self, gate: str) -> bool:
        """Whether a feature that is on by default is."""
        gates = self.feature_gates or {}
        stage = {'ClusterClaim': 'AllBeta', 'AddonManagement': 'AllAlpha'}[gate]
        return gates.get(gate, gates.get(stage, True))


@dataclass(frozen=True)
class Reading:
    settings: Settings
    valid: dict[str, object]  # what was read, to fall back on
    faults: tuple[options.Invalid, ...]


def read(config: Config, last_good: Config) -> Reading:
    """Parse every option; one that cannot be used counts as it last could, else as empty."""
    values: dict[str, Any] = {}
    valid: dict[str, object] = {}
    faults = []
    for field in fields(Settings):
        option = f'hub-{field.name.replace("_", "-")}'
        try:
            values[field.name] = PARSERS[field.name](config, option)
            valid[option] = config.get(option)
        except options.Invalid as fault:
            faults.append(fault)
            values[field.name] = PARSERS[field.name](last_good, option)
            valid[option] = last_good.get(option)
    return Reading(Settings(**values), valid, tuple(faults))


def _name(config: Config, name: str) -> str:
    value = options.text(config, name)
    if value and not LABEL.fullmatch(value):
        raise options.Invalid(name, f'{value[:40]!r} is no name: lower case letters, digits and dashes, 63 at most')
    return value


def _urls(config: Config, name: str) -> tuple[str, ...]:
    words = options.text(config, name).replace(',', ' ').split()
    for word in words:
        try:
            parts = urlsplit(word)
            fine = parts.scheme == 'https' and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            fine = False
        if not fine or not word.isprintable():
            raise options.Invalid(name, f'{word[:60]!r} is no https URL')
    return tuple(words)


def _texts(config: Config, name: str) -> dict[str, str]:
    found = {}
    for key, value in options.mapping(config, name).items():
        if isinstance(value, (dict, list)) or value is None:
            raise options.Invalid(name, f'expected text for {key[:40]!r}')
        found[key] = {True: 'true', False: 'false'}[value] if isinstance(value, bool) else str(value)
    return found


def _claims(config: Config, name: str) -> dict[str, str]:
    found = _texts(config, name)
    for key, value in found.items():
        if not OBJECT.fullmatch(key):
            raise options.Invalid(name, f'{key[:40]!r} is no name of an object')
        if not 1 <= len(value) <= 1024:
            raise options.Invalid(name, f'the value of {key[:40]} must have 1 to 1024 characters')
    return found


def _annotations(config: Config, name: str) -> dict[str, str]:
    found = _texts(config, name)
    for key, value in found.items():
        if not key.startswith(ANNOTATION_PREFIX):
            raise options.Invalid(name, f'{key[:60]!r} does not begin with {ANNOTATION_PREFIX}')
        if re.search(r'[,=\s]', key) or ',' in value or not (key + value).isprintable():
            raise options.Invalid(name, f'{key[:60]!r} has a comma or a control character in it')
    return found


def _gates(config: Config, name: str) -> dict[str, bool]:
    found = {}
    for word in options.text(config, name).replace(',', ' ').split():
        gate, _, value = word.partition('=')
        if gate not in GATES or value.lower() not in ('true', 'false'):
            raise options.Invalid(name, f'{word[:60]!r} is none of {", ".join(GATES)} with =true or =false')
        found[gate] = value.lower() == 'true'
    return found


def _extra(config: Config, name: str) -> dict[str, str]:
    found = options.arguments(config, name)
    for flag, value in found.items():
        if flag not in EXTRA:
            raise options.Invalid(name, f'{flag[:40]!r} is none of {", ".join(EXTRA)}')
        wanted, fits = EXTRA[flag]
        if not fits(value):
            raise options.Invalid(name, f'{flag} is {value[:40]!r}, expected {wanted}')
    return found


def _is_number(text: str) -> bool:
    return bool(NUMBER.fullmatch(text))


def _is_lifetime(text: str) -> bool:
    return text == '0' or (_is_number(text) and int(text) >= 3600)


def _is_pause(text: str) -> bool:
    return text == '0' or bool(DURATION.fullmatch(text))


def _is_duration(text: str) -> bool:
    return _is_pause(text) and any(digit in text for digit in '123456789')


# what an operator may say to the agent beside the options, and what its value looks like; the rest is the charm's
EXTRA: dict[str, tuple[str, Callable[[str], bool]]] = {
    'client-cert-expiration-seconds': ('0, or seconds from 3600 on', _is_lifetime),
    'cluster-healthcheck-period': ('a duration such as 30s', _is_duration),
    'cluster-unavailable-after': ('0, or a duration such as 3m', _is_pause),
    'kube-api-burst': ('a number', _is_number),
    'kube-api-qps': ('a number', _is_number),
    'max-custom-cluster-claims': ('a number', _is_number),
    'v': ('a number', _is_number),
}
PARSERS: dict[str, Callable[[Config, str], Any]] = {
    'cluster_name': _name,
    'external_urls': _urls,
    'claims': _claims,
    'annotations': _annotations,
    'feature_gates': _gates,
    'extra_args': _extra,
}
