"""Many agents in one process: which there should be (a file or a folder), and keeping them so.

Agents share the event loop, the figures and nothing else. One that fails is begun again by itself, with growing pauses;
what the file takes away is stopped, what it changes is begun anew, and nobody else notices.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from aioclustermanager import kubernetes
from aioclustermanager.kubernetes import Configuration, InvalidConfiguration, kubeconfig

from . import _durations, _features, _files, _names
from ._config import ControllerContext, SpokeAgentConfig
from ._metrics import Metrics
from ._options import AgentOptions, InvalidOptions, SpokeAgentOptions
from ._running import stopped

_log = logging.getLogger(__name__)
_POLL_S = 2.0
_LONGEST_PAUSE_S = 300.0
_SPREAD_S = 0.02  # a start every so often: a thousand agents need not all knock at once
_DURATIONS = ('cluster_health_check_period',)
_OWN = ('kubeconfig', 'feature_gates')  # beside the options of an agent
_ALLOWED = {
    **{field.name: AgentOptions for field in fields(AgentOptions)},
    **{field.name: SpokeAgentOptions for field in fields(SpokeAgentOptions) if field.name != 'health'},
}


@dataclass(frozen=True)
class Member:
    """One agent of a fleet, as the file says; two that are equal need no change."""

    name: str
    values: tuple[tuple[str, str], ...]  # option to YAML, sorted

    def options(self) -> tuple[AgentOptions, SpokeAgentOptions, dict[str, bool], str]:
        """Return the options, the gates and the management kubeconfig."""
        common, options, gates, management = AgentOptions(), SpokeAgentOptions(), dict[str, bool](), ''
        for key, text in self.values:
            value = yaml.safe_load(text)
            if key == 'kubeconfig':
                management = str(value)
            elif key == 'feature_gates':
                gates = _features.parse(str(value))
            else:
                target: object = common if _ALLOWED[key] is AgentOptions else options
                setattr(target, key, _durations.parse(str(value)) if key in _DURATIONS else value)
        return common, options, gates, management


def members(texts: Mapping[str, str]) -> dict[str, Member]:
    """Return the agents that files describe. Raises InvalidOptions, naming file, cluster and option of all faults."""
    found: dict[str, Member] = {}
    faults: list[str] = []
    for source, text in sorted(texts.items()):
        try:
            document: Any = yaml.safe_load(text) or {}
        except yaml.YAMLError:
            faults.append(f'{source}: no YAML')
            continue
        if not isinstance(document, dict) or not isinstance(document.get('clusters') or {}, dict):
            faults.append(f'{source}: expected a mapping with `clusters`, a mapping of names')
            continue
        defaults = document.get('defaults') or {}
        for name, own in (document.get('clusters') or {}).items():
            member = _member(str(name), {**defaults, **(own or {})}, source, faults)
            if str(name) in found:
                faults.append(f'{source}: cluster {name} is there twice')
            found[str(name)] = member
    _check_shared(found, faults)
    if faults:
        raise InvalidOptions(faults)
    return found


def _member(name: str, told: Mapping[str, Any], source: str, faults: list[str]) -> Member:
    values = {'spoke_cluster_name': name}
    for key, value in told.items():
        option = str(key).replace('-', '_')
        if option not in _ALLOWED and option not in _OWN:
            faults.append(f'{source}: {name}: there is no option {key!r}')
            continue
        filled = value.replace('{name}', name) if isinstance(value, str) else value
        values[option] = yaml.safe_dump(filled)
    member = Member(name, tuple(sorted(values.items())))
    try:
        common, options, _, _ = member.options()
        wrong = [*options.faults(), *_names.faults(_names.Names(name, common.agent_id or 'unset'))]
    except (ValueError, TypeError, AttributeError) as error:
        wrong = [str(error)]
    faults += [f'{source}: {name}: {each}' for each in wrong]
    return member


def _check_shared(found: Mapping[str, Member], faults: list[str]) -> None:
    """Refuse two agents that would write into one folder or one secret."""
    seen: dict[tuple[str, ...], str] = {}
    for name, member in found.items():
        try:
            common, options, _, management = member.options()
        except (ValueError, TypeError, AttributeError):
            continue
        secret = (management, common.component_namespace, options.hub_kubeconfig_secret)
        for what, key in (('hub-kubeconfig-dir', (common.hub_kubeconfig_dir,)), ('hub-kubeconfig-secret', secret)):
            other = seen.setdefault((what, *key), name)
            if other != name:
                faults.append(f'{name} and {other} have the same {what} (use {{name}} in it)')


class Fleet:
    """`run()` keeps the agents that the file or folder says, until cancelled."""

    def __init__(
        self,
        path: Path,
        management: Configuration | None,
        metrics: Metrics,
        *,
        make: Callable[..., SpokeAgentConfig] = SpokeAgentConfig,
        poll_s: float = _POLL_S,
    ) -> None:
        self._path, self._management, self._metrics = path, management, metrics
        self._make, self._poll_s = make, poll_s
        self._running: dict[str, tuple[Member, asyncio.Task[None]]] = {}
        self.configs: dict[str, SpokeAgentConfig] = {}
        self.fault = ''  # why the file is not followed, '' if it is

    def texts(self) -> dict[str, str]:
        """Return the files. Raises InvalidOptions where there are none."""
        paths = sorted(self._path.glob('*.yaml')) if self._path.is_dir() else [self._path]
        contents = {path.name: _files.read(path) for path in paths}
        if None in contents.values():
            raise InvalidOptions([f'cannot read the fleet in {self._path}'])
        return {name: (content or b'').decode('utf-8', 'replace') for name, content in contents.items()}

    async def run(self) -> None:
        """Raises InvalidOptions for a file that is wrong at the start; later, the agents stay as they are."""
        last = self.texts()
        wanted = members(last)
        try:
            while True:
                await self._follow(wanted)
                await asyncio.sleep(self._poll_s)
                try:
                    now = self.texts()
                    if now != last:
                        last, wanted = now, members(now)
                        self.fault = ''
                except InvalidOptions as error:
                    if str(error) != self.fault:
                        _log.error('the fleet stays as it is: %s', error)
                    self.fault = str(error)
        finally:
            await stopped(*(task for _, task in self._running.values()))

    async def _follow(self, wanted: Mapping[str, Member]) -> None:
        gone = [name for name, (member, _) in self._running.items() if wanted.get(name) != member]
        await stopped(*(self._running.pop(name)[1] for name in gone))
        for name in gone:
            self.configs.pop(name, None)
            self._metrics.of(cluster=name).forget()
            _log.info('%s: stopped', name)
        for name, member in wanted.items():
            if name not in self._running:
                self._running[name] = (member, asyncio.ensure_future(self._keep(member)))
                await asyncio.sleep(_SPREAD_S * random.random())  # noqa: S311

    async def _keep(self, member: Member) -> None:
        """Run an agent; begin it again whenever it ends."""
        failures = 0
        while True:
            common, options, gates, path = member.options()
            config = self._make(common, options, feature_gates=gates)
            self.configs[member.name] = config
            metrics = self._metrics.of(cluster=member.name)
            try:
                management = kubeconfig.load(path) if path else self._management
                if management is None:
                    raise InvalidConfiguration(
                        'no management cluster: neither `kubeconfig` in the fleet nor --kubeconfig'
                    )
                await config.run_spoke_agent(ControllerContext(management, metrics=metrics, is_embedded=True))
            except (InvalidOptions, kubernetes.Error, OSError) as error:
                _log.error('%s: %s', member.name, error)
            except Exception:
                _log.exception('%s: failed', member.name)
            metrics.add('spoke_starts_total')
            pause_s = min(_LONGEST_PAUSE_S, 2.0**failures) * (0.5 + random.random() / 2)  # noqa: S311
            failures = min(failures + 1, 10)
            await asyncio.sleep(pause_s)
