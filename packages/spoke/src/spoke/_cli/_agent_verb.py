"""`spoke agent`: flags, checks, then the process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from .. import _flags, _fleet, _log, _names, _process
from .._config import SpokeAgentConfig
from .._options import AgentOptions, InvalidOptions, ProcessOptions, SpokeAgentOptions

_ABOUT = 'Registers a cluster with an Open Cluster Management hub, and keeps it there.'


def main(arguments: Sequence[str]) -> int:
    """Run an agent; returns the exit code: 0 after a signal, 1 for a bad option, 255 without a management cluster."""
    options, common, process = SpokeAgentOptions(), AgentOptions(), ProcessOptions()
    parser = _flags.Parser(prog='spoke agent', description=_ABOUT)
    for each in (options, common, process):
        each.add_flags(parser)
    parser.add_argument(
        '--fleet', type=Path, metavar='PATH', help='file or folder that describes many agents, to run them all'
    )
    parser.add_argument('--version', action='store_true', help='print the version and end')
    try:
        told = parser.parse_args(arguments)
        if told.version:
            return _print_version()
        if told.fleet:
            faults = [*_fleet.faults_of_flags(parser.given, options, common), *process.faults()]
            _fleet.planned(told.fleet, process.namespace)
        else:
            names = _names.faults_of_flags(common.spoke_cluster_name, common.agent_id)
            faults = [*options.faults(), *names, *process.faults()]
    except _flags.BadFlag as error:
        faults = [str(error)]
    except InvalidOptions as error:
        faults += error.faults
    if faults:
        sys.stderr.write(''.join(f'Error: {fault}\n' for fault in faults))
        return _process.FAILED
    _log.to_stderr(told.v)
    common.component_namespace = process.namespace  # where we are told to be, our secrets are too
    if told.fleet:
        return _process.run(process, _process.ManyAgents(told.fleet))
    config = SpokeAgentConfig(common, options, feature_gates=process.feature_gates)
    return _process.run(process, _process.OneAgent(config))


def _print_version() -> int:
    from importlib import metadata

    sys.stdout.write(f'spoke {metadata.version("spoke")}\n')
    return 0
