"""The options that decide what kubelet and kube-proxy run with: read, checked, and what is in force meanwhile.

An option that cannot be used changes nothing: what the operator had before it stays. So does what an option asks of a
program that does not have it (a newer one perhaps), but for the parts that the program would refuse.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from charms.layer.kubernetes_common import options
from charms.layer.kubernetes_common.options import Fault

from . import config_fields, extra_args, version_table
from .facts import Programs, Settings

T = TypeVar('T')


@dataclass(frozen=True)
class Option(Generic[T]):
    """An option, how it is read, and what of it the installed programs would not take."""

    name: str
    parse: Callable[[options.Config, str], T]
    faults: Callable[[T, Programs], Sequence[Fault]] = lambda _, __: ()
    without: Callable[[T, Collection[Fault]], T] = lambda value, _: value


@dataclass(frozen=True)
class InForce(Generic[T]):
    """What an option comes to."""

    value: T | None  # None: it is bad and was never good
    problems: tuple[options.Invalid, ...] = ()
    good: str | None = None  # its text, when that is what is in force and programs were there to take it


@dataclass(frozen=True)
class Read:
    """What all options come to."""

    settings: Settings | None  # None: an option is bad and never was good
    problems: tuple[options.Invalid, ...]
    good: Mapping[str, str]  # option to a text to remember


KUBELET_ARGS = Option(
    'kubelet-extra-args',
    lambda config, name: options.arguments(config, name, version_table.lists('kubelet')),
    lambda value, programs: extra_args.faults(programs.kubelet, value),
    extra_args.without,
)
PROXY_ARGS = Option(
    'proxy-extra-args',
    lambda config, name: options.arguments(config, name, version_table.lists('kube-proxy')),
    lambda value, programs: extra_args.faults(programs.proxy, value),
    extra_args.without,
)
KUBELET_CONFIG = Option(
    config_fields.OPTION,
    options.mapping,
    lambda value, programs: config_fields.faults(value, programs.kubelet.version),
    config_fields.without,
)
ALLOW_PRIVILEGED = Option(
    'allow-privileged', lambda config, name: options.choice(config, name, ('true', 'false', 'auto'))
)

ALL: tuple[Option[Any], ...] = (KUBELET_ARGS, PROXY_ARGS, KUBELET_CONFIG, ALLOW_PRIVILEGED)  # as Settings has them
OPTIONS = tuple(option.name for option in ALL)


def read(config: options.Config, remembered: Mapping[str, str], programs: Programs | None) -> Read:
    """Return the settings in force.

    Args:
        config: the charm's options.
        remembered: option to the text that was good last, as an earlier `Read.good` told it.
        programs: None while they are not installed.
    """
    every = [in_force(option, config, remembered, programs) for option in ALL]
    values: list[Any] = [found.value for found in every]
    return Read(
        None if None in values else Settings(*values),
        tuple(problem for found in every for problem in found.problems),
        {name: found.good for name, found in zip(OPTIONS, every, strict=True) if found.good is not None},
    )


def in_force(
    option: Option[T], config: options.Config, remembered: Mapping[str, str], programs: Programs | None
) -> InForce[T]:
    """Return what one option comes to: itself, else its last good text, else as much of that as the programs take."""
    try:
        value = option.parse(config, option.name)
    except options.Invalid as error:
        return InForce(_fallback(option, None, remembered, programs), (error,))
    faults = tuple(option.faults(value, programs)) if programs else ()
    if faults:
        return InForce(_fallback(option, value, remembered, programs), faults)
    return InForce(value, (), options.text(config, option.name) if programs else None)


def _fallback(option: Option[T], value: T | None, remembered: Mapping[str, str], programs: Programs | None) -> T | None:
    with contextlib.suppress(options.Invalid):  # an earlier revision of the charm took it
        value = option.parse(remembered, option.name) if option.name in remembered else value
    if value is None or programs is None:
        return value
    return option.without(value, option.faults(value, programs))
