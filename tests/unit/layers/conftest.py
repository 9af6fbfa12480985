"""Assembles small charms from the base layers and runs their hooks as Juju would, against hook tools with a memory."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ('config-get', 'is-leader', 'leader-get', 'leader-set', 'relation-ids', 'status-get', 'status-set', 'juju-log')
TOOLS += ('resource-get', 'application-version-set', 'open-port', 'relation-set')
# charmhelpers knows Ubuntu and CentOS only, and raises at import elsewhere
UBUNTU = "import platform\nplatform.linux_distribution = lambda *a, **k: ('Ubuntu', '22.04', 'jammy')\n"


@dataclass
class Charm:
    """A charm on disk, and the model that its hook tools show it."""

    directory: Path

    def state(self):
        return json.loads((self.directory.parent / 'juju.json').read_text())

    def change(self, **changes):
        """Change what the model says."""
        state = {**self.state(), **changes}
        (self.directory.parent / 'juju.json').write_text(json.dumps(state))

    def calls(self, tool):
        return [call[1:] for call in self.state()['calls'] if call[0] == tool]

    def write(self, path, text):
        """Write a file of the charm."""
        target = self.directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def run(self, hook='update-status', check=True):
        """Run a hook with an empty record of calls."""
        self.change(calls=[])
        above = self.directory.parent
        environment = {
            'PATH': f'{above}/tools:{above}/programs:/usr/sbin:/usr/bin:/sbin:/bin',
            'PYTHONPATH': str(above / 'site'),
            'PYTHONDONTWRITEBYTECODE': '1',
            'HOME': str(above),
            'JUJU_STATE': str(above / 'juju.json'),
            'JUJU_CHARM_DIR': str(self.directory),
            'CHARM_DIR': str(self.directory),
            'JUJU_UNIT_NAME': 'small/0',
            'JUJU_HOOK_NAME': hook,
            'JUJU_MODEL_NAME': 'test',
        }
        done = subprocess.run(
            [sys.executable, 'hooks/hook'],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def assemble(tmp_path):
    """Return a function that makes a charm of some layers, with handlers of the test's own."""

    def assembled(*layers, handlers='', options='', wheelhouse=False):
        directory = tmp_path / 'charm'
        directory.mkdir()
        for layer in ('basic', 'options', *layers):
            for part in ('lib', 'reactive'):
                if (ROOT / 'layers' / layer / part).is_dir():
                    shutil.copytree(ROOT / 'layers' / layer / part, directory / part, dirs_exist_ok=True)
        charm = Charm(directory)
        template = (ROOT / 'layers/basic/hooks/hook.template').read_text()
        charm.write('hooks/hook', template)
        charm.write('metadata.yaml', 'name: small\n')
        charm.write('layer.yaml', f'options:\n  basic:\n    packages: []\n{options}')
        charm.write('config.yaml', 'options:\n  colour:\n    type: string\n    default: red\n')
        charm.write('reactive/small.py', handlers)
        model = {'config': {'colour': 'red'}, 'leader': True, 'settings': {}, 'status': ['unknown', '']}
        (tmp_path / 'juju.json').write_text(json.dumps({**model, 'resources': {}, 'calls': []}))
        if not wheelhouse:
            (tmp_path / '.venv').symlink_to(Path(sys.prefix))
        _install(tmp_path)
        return charm

    return assembled


def _install(directory):
    (directory / 'tools').mkdir()
    script = directory / 'tools/hook-tool'
    script.write_text(f'#!{sys.executable} -IS\n' + Path(__file__).with_name('hook_tool.py').read_text())
    script.chmod(0o755)
    for tool in TOOLS:
        os.link(script, directory / 'tools' / tool)
    (directory / 'programs').mkdir()
    (directory / 'site').mkdir()
    (directory / 'site/sitecustomize.py').write_text(UBUNTU)
