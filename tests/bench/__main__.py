"""Print what a deployment costs: `python -m tests.bench [--workers 1,10,50] [--json FILE]`.

For each number of workers canonical-kubernetes is deployed into a model of its own and taken away again; then, in the
first of them, one worker's update-status with nothing to do is compared with a reactive hook without handlers.
Absolute times are this machine's; counts, bytes and ratios travel.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.bench import deployment, idle

COLUMNS = ('workers', 'hooks', 'worker hooks', 'tool calls', 'wall s', 'CPU s', 'CPU s a worker', 'bytes a worker')


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m tests.bench', description=__doc__.partition('\n')[0])
    parser.add_argument('--workers', default='1,10,50', help='numbers of workers, with commas (default %(default)s)')
    parser.add_argument('--runs', type=int, default=15, help='idle hooks of each kind (default %(default)s)')
    parser.add_argument('--json', type=Path, help='also write the figures to this file')
    options = parser.parse_args()
    numbers = [int(number) for number in options.workers.split(',')]
    figures: dict[str, object] = {'deployments': []}
    print(' '.join(f'{name:>14}' for name in COLUMNS))
    for place, workers in enumerate(numbers):
        with deployment.deployed(workers) as model:
            row = deployment.figures(model, workers)
            figures['deployments'].append(asdict(row))  # type: ignore[attr-defined]
            print(' '.join(f'{value:>14}' for value in row.cells()), flush=True)
            if place == 0:
                quiet = idle.compare(model, options.runs)
    print(f'\nupdate-status of a worker with nothing to do, median of {options.runs}:')
    for line in quiet.lines():
        print(f'  {line}')
    figures['update-status'] = asdict(quiet)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + '\n')


if __name__ == '__main__':
    sys.exit(main())
