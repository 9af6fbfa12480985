"""What one run of the command line works on: which model, how loudly, and the door to its database."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from juju_local import _plan
from juju_local._db import Database
from juju_local._errors import Refused
from juju_local._state import Model

NAME = re.compile(r'^[a-z0-9]+[a-z0-9-]*$')


def data_folder() -> Path:
    """Return where the models are kept."""
    return Path(os.environ.get('JUJU_LOCAL_DATA') or '~/.local/share/juju-local').expanduser()


@dataclass(frozen=True)
class Session:
    model: str = 'default'
    debug: bool = False
    quiet: bool = False
    verbose: bool = False
    seed: int | None = None
    cores: int | None = None
    no_wait: bool = False
    patience: float | None = None  # seconds; None is the engine's own
    store: str = 'stand-ins'  # of a new model: this name, or a folder
    data: Path = field(default_factory=data_folder)

    def chosen(self, **values: Any) -> Session:
        """Return the session with the options that were given; what was said before the verb stays otherwise."""
        given = {key: value for key, value in values.items() if value is not None and value is not False}
        return dataclasses.replace(self, **given)

    @property
    def folder(self) -> Path:
        """The model's folder; `-m controller:admin/name` is understood, only the name counts."""
        name = self.model.rpartition(':')[2].rpartition('/')[2]
        if not NAME.match(name):
            raise Refused(f'"{name}" is not a valid model name', 'use small letters, digits and hyphens')
        return self.data / name

    def exists(self) -> bool:
        return (self.folder / 'model.db').exists()

    def database(self) -> Database:
        """Open the model, which must exist."""
        if not self.exists():
            raise Refused(
                f'model {self.folder.name} not found', '`juju-local deploy` makes it; `juju-local models` lists all'
            )
        return Database(self.folder)

    def look(self) -> Model:
        """Return the model as it is now. The default model that nobody used yet is empty, not missing."""
        if not self.exists() and self.folder.name == 'default':
            return Model()
        with closing(self.database()) as database:
            return database.read()

    @contextmanager
    def change(self) -> Iterator[Model]:
        """Change the model in one transaction; an error inside leaves it as it was."""
        with closing(self.database()) as database, database.transaction() as model:
            yield model

    @contextmanager
    def make(self) -> Iterator[Model]:
        """Change the model as `change` does; it is made first if there is none of this name."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with closing(Database(self.folder)) as database, database.transaction() as model:
            if not model.settings.uuid:
                new = _plan.new_model(
                    self.folder.name, str(uuid.uuid4()), time.time(), store=self.store, seed=self.seed
                )
                model.settings = new.settings
                model.touch('settings')
            yield model

    def say(self, text: str) -> None:
        """Tell something on stderr that is no result, unless --quiet."""
        if not self.quiet:
            print(text, file=sys.stderr)  # noqa: T201
