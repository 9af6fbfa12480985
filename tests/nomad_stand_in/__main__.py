"""Serve the stand-in until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from . import NomadStandIn


async def _serve(port: int, pace: float) -> None:
    stand_in = NomadStandIn(pace=pace)
    stand_in.port = port
    async with stand_in:
        print(f'listening on {stand_in.endpoint}', flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--port', type=int, default=4646, help='0 takes a free one')
    parser.add_argument('--pace', type=float, default=1.0, help="the length of a second of Nomad's own delays")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.port, options.pace))


main()
