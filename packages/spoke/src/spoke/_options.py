"""What an agent is told: the seed's options, its flags, its defaults, and what is wrong with them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from . import _durations, _features, _flags, _health

ANNOTATION_PREFIX = 'agent.open-cluster-management.io'
_LEAST_LIFETIME_S = 3600  # what certificates.k8s.io/v1 takes is 600; Go's agent asks for an hour at least


class InvalidOptions(ValueError):
    """Options that no agent can run with: `faults` names each and its limit."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__('; '.join(faults))
        self.faults = tuple(faults)


@dataclass
class SpokeAgentOptions:
    """Options of the registration.

    >>> options = SpokeAgentOptions(bootstrap_kubeconfig='/spoke/bootstrap/kubeconfig')
    >>> options.validate()
    >>> options.cluster_health_check_period = timedelta(0)
    >>> options.validate()
    Traceback (most recent call last):
    ...
    spoke._options.InvalidOptions: --cluster-healthcheck-period: 0s must be greater than zero
    """

    bootstrap_kubeconfig: str = ''  # a file; read again each time it is needed
    bootstrap_kubeconfig_secret: str = 'bootstrap-hub-kubeconfig'  # noqa: S105  (a name; watched, never read from)
    hub_kubeconfig_secret: str = 'hub-kubeconfig-secret'  # noqa: S105  (a name)
    spoke_external_server_urls: list[str] = field(default_factory=list)
    cluster_health_check_period: timedelta = timedelta(minutes=1)
    cluster_unavailable_after: timedelta = timedelta()  # of bad looks; 0: at the first
    max_custom_cluster_claims: int = 20
    client_cert_expiration_seconds: int = 0  # 0: the signer decides
    cluster_annotations: dict[str, str] = field(default_factory=dict)  # of the ManagedCluster, at its creation
    bootstrap_kubeconfigs: list[str] = field(default_factory=list)  # with the gate MultipleHubs, in place of the one
    hub_connection_timeout_seconds: int = 600  # then: how long a hub may be silent before the next one's turn
    health: _health.Health = field(default_factory=_health.Health, repr=False, compare=False)

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the flags of the registration; parsing sets these options."""
        for name, attribute, help_, parse, grows in (
            (
                'bootstrap-kubeconfig',
                'bootstrap_kubeconfig',
                'kubeconfig file used before there is a client certificate',
                str,
                False,
            ),
            (
                'bootstrap-kubeconfig-secret',
                'bootstrap_kubeconfig_secret',
                'secret that is watched for a change of the bootstrap kubeconfig',
                str,
                False,
            ),
            (
                'hub-kubeconfig-secret',
                'hub_kubeconfig_secret',
                'secret that holds the kubeconfig and certificate for the hub',
                str,
                False,
            ),
            (
                'spoke-external-server-urls',
                'spoke_external_server_urls',
                'an API server URL of the spoke that the hub may use; repeatable',
                _one,
                True,
            ),
            (
                'cluster-healthcheck-period',
                'cluster_health_check_period',
                'how often the health of the cluster is looked at',
                _durations.parse,
                False,
            ),
            (
                'cluster-unavailable-after',
                'cluster_unavailable_after',
                'how long the cluster has to look bad before it counts as unavailable; 0: at the first look',
                _durations.parse,
                False,
            ),
            (
                'max-custom-cluster-claims',
                'max_custom_cluster_claims',
                'how many custom claims the hub is told; 0 for none',
                _flags.integer(64),
                False,
            ),
            (
                'client-cert-expiration-seconds',
                'client_cert_expiration_seconds',
                'lifetime to ask for, 3600 at least; 0: the signer decides',
                _flags.integer(32),
                False,
            ),
            (
                'cluster-annotations',
                'cluster_annotations',
                f'k=v[,k=v...]: annotations of the ManagedCluster; keys begin with {ANNOTATION_PREFIX}',
                _flags.mapping,
                True,
            ),
            (
                'bootstrap-kubeconfigs',
                'bootstrap_kubeconfigs',
                f'with {_features.MULTIPLE_HUBS}: the bootstrap kubeconfigs of two hubs or more; repeatable',
                _many,
                True,
            ),
            (
                'hub-connection-timeout-seconds',
                'hub_connection_timeout_seconds',
                f'with {_features.MULTIPLE_HUBS}: how long a hub may be silent before the next one',
                _flags.integer(32),
                False,
            ),
        ):
            _flags.add(parser, name, self, attribute, help_, parse, grows=grows)

    def faults(self) -> list[str]:
        """Return all that is wrong, in the order of Go's checks."""
        files = self.bootstrap_kubeconfigs
        found = [] if self.bootstrap_kubeconfig or files else ['--bootstrap-kubeconfig is required']
        if len(files) == 1 or len(set(files)) < len(files):
            found.append(f'--bootstrap-kubeconfigs: two different files at least, got {", ".join(files)}')
        if self.hub_connection_timeout_seconds <= 0:
            found.append(f'--hub-connection-timeout-seconds: {self.hub_connection_timeout_seconds} must be above zero')
        for url in self.spoke_external_server_urls:
            if why := _url_fault(url):
                found.append(f'--spoke-external-server-urls: {url!r} is invalid: {why}')
        if self.cluster_health_check_period <= timedelta():
            shown = _durations.shown(self.cluster_health_check_period)
            found.append(f'--cluster-healthcheck-period: {shown} must be greater than zero')
        seconds = self.client_cert_expiration_seconds
        if seconds != 0 and seconds < _LEAST_LIFETIME_S:
            found.append(f'--client-cert-expiration-seconds: {seconds} must be at least {_LEAST_LIFETIME_S}')
        if self.cluster_unavailable_after < timedelta():
            shown = _durations.shown(self.cluster_unavailable_after)
            found.append(f'--cluster-unavailable-after: {shown} must not be negative')
        if self.max_custom_cluster_claims < 0:
            found.append(f'--max-custom-cluster-claims: {self.max_custom_cluster_claims} must not be negative')
        return found

    def validate(self) -> None:
        """Raises InvalidOptions, naming everything wrong at once."""
        if found := self.faults():
            raise InvalidOptions(found)

    def get_health_checkers(self) -> tuple[_health.Checker, _health.Checker]:
        """Return the checks `bootstrap-hub-kubeconfig` and `hub-client-certificate`, in this order."""
        return self.health.bootstrap, self.health.certificate


@dataclass
class AgentOptions:
    """Options that all agents of a spoke have."""

    spoke_cluster_name: str = ''
    agent_id: str = ''
    spoke_kubeconfig: str = ''  # set: Detached mode
    hub_kubeconfig_dir: str = '/spoke/hub-kubeconfig'
    hub_kubeconfig: str = ''  # '': `kubeconfig` in that folder
    kube_api_qps: float = 50.0
    kube_api_burst: int = 100
    component_namespace: str = ''  # '': of the service account, else open-cluster-management-agent

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the common flags; parsing sets these options."""
        for name, attribute, help_, parse in (
            ('spoke-cluster-name', 'spoke_cluster_name', 'name of the cluster on the hub', str),
            ('cluster-name', 'spoke_cluster_name', 'the same; use --spoke-cluster-name', str),
            ('agent-id', 'agent_id', 'id of this agent in its certificate', str),
            (
                'spoke-kubeconfig',
                'spoke_kubeconfig',
                'kubeconfig of the spoke, when it is not the cluster we run in',
                str,
            ),
            ('hub-kubeconfig-dir', 'hub_kubeconfig_dir', 'folder that mirrors the hub secret', str),
            ('hub-kubeconfig', 'hub_kubeconfig', 'kubeconfig of the hub, when it is not in that folder', str),
            ('kube-api-qps', 'kube_api_qps', 'requests a second to management and spoke', float),
            ('kube-api-burst', 'kube_api_burst', 'requests at once to management and spoke', _flags.integer(64)),
        ):
            parse_: Callable[[str], object] = parse
            _flags.add(parser, name, self, attribute, help_, parse_)

    @property
    def hub_kubeconfig_file(self) -> Path:
        return Path(self.hub_kubeconfig) if self.hub_kubeconfig else Path(self.hub_kubeconfig_dir) / 'kubeconfig'


@dataclass
class ProcessOptions:
    """Options of the process around an agent."""

    kubeconfig: str = ''  # of management; '': in-cluster
    namespace: str = ''  # of secrets, events and the leader's lease
    listen: str = '0.0.0.0:8443'
    config: str = ''
    terminate_on_files: list[str] = field(default_factory=list)
    disable_leader_election: bool = False
    restart_in_place: bool = False  # for where nobody restarts a process whose /healthz is bad
    leader_election_lease_duration: timedelta = timedelta(seconds=137)
    leader_election_renew_deadline: timedelta = timedelta(seconds=107)
    leader_election_retry_period: timedelta = timedelta(seconds=26)
    feature_gates: dict[str, bool] = field(default_factory=dict)
    verbosity: int = 0
    vmodule: str = ''
    log_flush_frequency: timedelta = timedelta(seconds=5)

    def add_flags(self, parser: argparse.ArgumentParser) -> None:
        """Add the flags of the process; parsing sets these options."""
        for name, attribute, help_, parse, grows in (
            ('kubeconfig', 'kubeconfig', 'kubeconfig of the management cluster; in-cluster by default', str, False),
            ('namespace', 'namespace', 'namespace of secrets, events and the leader lease', str, False),
            ('listen', 'listen', 'HTTPS address for health and metrics', str, False),
            ('config', 'config', 'YAML file with serving info', str, False),
            ('terminate-on-files', 'terminate_on_files', 'end when this file changes; repeatable', _many, True),
            (
                'leader-election-lease-duration',
                'leader_election_lease_duration',
                'how long a lease holds',
                _durations.parse,
                False,
            ),
            (
                'leader-election-renew-deadline',
                'leader_election_renew_deadline',
                'how long renewing may fail',
                _durations.parse,
                False,
            ),
            (
                'leader-election-retry-period',
                'leader_election_retry_period',
                'pause between tries',
                _durations.parse,
                False,
            ),
            ('feature-gates', 'feature_gates', f'Name=true,...: {", ".join(_features.GATES)}', _features.parse, True),
            ('vmodule', 'vmodule', 'accepted, without effect', str, False),
            (
                'log-flush-frequency',
                'log_flush_frequency',
                'accepted, without effect: nothing is held back',
                _durations.parse,
                False,
            ),
        ):
            _flags.add(parser, name, self, attribute, help_, parse, grows=grows)
        for name, attribute, help_ in (
            ('disable-leader-election', 'disable_leader_election', 'run without a lease'),
            (
                'restart-in-place',
                'restart_in_place',
                'begin anew, not be unhealthy, when the bootstrap secret has changed or the certificate ended',
            ),
        ):
            _flags.add(parser, name, self, attribute, help_, switch=True)
        parser.add_argument('-v', '--v', dest='v', type=int, default=0, metavar='LEVEL', help='2: log every detail')

    def faults(self) -> list[str]:
        """Return all that is wrong."""
        found = []
        if not is_address(self.listen):
            found.append(f'--listen: {self.listen!r} is no HOST:PORT')
        if not self.disable_leader_election:
            lease, renew = self.leader_election_lease_duration, self.leader_election_renew_deadline
            if lease <= renew:
                found.append(
                    f'--leader-election-lease-duration: {_durations.shown(lease)} must be longer than '
                    f'--leader-election-renew-deadline, {_durations.shown(renew)}'
                )
            if renew <= self.leader_election_retry_period:
                found.append(
                    f'--leader-election-renew-deadline: {_durations.shown(renew)} must be longer than '
                    f'--leader-election-retry-period, {_durations.shown(self.leader_election_retry_period)}'
                )
        return found


def is_address(text: str) -> bool:
    """Tell whether it is HOST:PORT, or :PORT."""
    _, colon, port = text.rpartition(':')
    return bool(colon) and port.isascii() and port.isdigit() and int(port) <= 65535


def _one(text: str) -> list[str]:
    return [text]


def _many(text: str) -> list[str]:
    return [part for part in text.split(',') if part]


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for a port that is none)
    except ValueError as error:
        return str(error)
    if not url or any(not 0x20 < ord(each) < 0x7F for each in url):
        return 'empty' if not url else 'a blank or a control character in it'
    return '' if parts.scheme == 'https' else 'its scheme must be https'
