"""What the user reads: a Model as the juju 2.9 client would show it. Pure: no files, clock or terminal."""
