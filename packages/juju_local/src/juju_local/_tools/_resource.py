"""resource-get: where the engine has put a resource of this application in the machine."""

from __future__ import annotations

from juju_local._tools._call import Call, FailureError, MisuseError
from juju_local._tools._tool import Tool


def _get(call: Call) -> str:
    name = call.argument(0)
    if not name:
        raise MisuseError('missing required resource name')
    if name not in call.charm.resources:
        raise FailureError(f'could not download resource: getting resource: "{name}" not found')
    if name not in call.model.applications[call.context.app].resources:
        raise FailureError(
            f'could not download resource: HTTP request failed: resource#{call.context.app}/{name} not found'
        )
    return path(call.context.unit, name, str(call.charm.resources[name].get('filename', name)))


def path(unit: str, name: str, filename: str) -> str:
    """Return the place of a resource in a unit's machine."""
    return f'/var/lib/juju/agents/unit-{unit.replace("/", "-")}/resources/{name}/{filename}'


TOOLS = (
    Tool(
        'resource-get',
        '[options] <resource name>',
        'Get the path to the locally cached resource file.',
        _get,
        formats=('smart',),
        most=1,
        newline=False,
    ),
)
