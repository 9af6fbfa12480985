"""Keep the leadership flags right in every hook."""

from charmhelpers.core import hookenv
from charms import leadership

hookenv.atstart(leadership.initialize)
hookenv.atexit(leadership.forget_changes)
