"""The programs of the store of stand-ins: a machine's init, snapd, apt, docker and smaller ones, keeping state.

They run under `/usr/bin/python3 -IS` and start often: standard library only, imported late, no pathlib, no argparse.
What a program may touch is under `core.path('/')` of its machine, and nothing else.
"""

import os
import sys

if __name__ == 'stand_in' and not os.path.isdir(os.path.join(os.path.dirname(__file__), '__pycache__')):
    # a read-only store that nobody compiled: keep compiled code in the machine
    sys.pycache_prefix = os.environ.get('STAND_IN_ROOT', '') + '/var/lib/stand-in/cache'
