"""`python -m spoke` is the command `spoke`, for where packages come without their scripts: a charm."""

import sys

from ._cli import main

sys.exit(main())
