"""Set the status when the hook ends."""

from charmhelpers.core import hookenv
from charms.layer import status

# Callbacks run last in, first out, and charms say their status in one of their own: ours has to run after all others,
# whenever this module was imported.
hookenv._atexit.insert(0, (status.finish, (), {}))
