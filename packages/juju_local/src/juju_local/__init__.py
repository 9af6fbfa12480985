"""juju-local: real Juju charms in an embedded model on one machine."""
