"""The environment of a hook: exactly this, nothing of juju-local's own is inherited (context.go HookVars, env.go)."""

from __future__ import annotations

from juju_local import _network
from juju_local._context import HookContext
from juju_local._state import Hook, Model

SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin'
PROXIES = ('http', 'https', 'ftp', 'no')


def environment(model: Model, context: HookContext, *, charm_dir: str, tools_dir: str, socket: str) -> dict[str, str]:
    """Return the variables of a hook, action or command; a command (`juju run`) also gets HOME, as from the agent."""
    settings, unit = model.settings, model.units[context.unit]
    values = {
        'CHARM_DIR': charm_dir,
        'JUJU_CHARM_DIR': charm_dir,
        'JUJU_CONTEXT_ID': context.id,
        'JUJU_HOOK_NAME': context.hook.name if context.hook else '',
        'JUJU_AGENT_SOCKET_ADDRESS': socket,
        'JUJU_AGENT_SOCKET_NETWORK': 'unix',
        'JUJU_UNIT_NAME': unit.name,
        'JUJU_MODEL_NAME': settings.name,
        'JUJU_MODEL_UUID': settings.uuid,
        'JUJU_MACHINE_ID': unit.machine,
        'JUJU_PRINCIPAL_UNIT': unit.principal,
        'JUJU_AVAILABILITY_ZONE': settings.config.get('availability-zone', ''),
        'JUJU_API_ADDRESSES': f'{_network.GATEWAY}:17070',
        'JUJU_SLA': 'unsupported',
        'JUJU_VERSION': settings.version,
        'CLOUD_API_VERSION': '',
        'JUJU_METER_STATUS': 'AMBER',
        'JUJU_METER_INFO': 'not set',
        'PATH': f'{tools_dir}:{SYSTEM_PATH}',
        'APT_LISTCHANGES_FRONTEND': 'none',
        'DEBIAN_FRONTEND': 'noninteractive',
        'LANG': 'C.UTF-8',
        'TERM': 'tmux-256color',
    }
    return values | _proxies(settings.config) | _hook(context.hook) | _task(context)


def _proxies(config: dict[str, str]) -> dict[str, str]:
    values = {}
    for name in PROXIES:
        key = f'{name}-proxy'
        values[f'JUJU_CHARM_{name.upper()}_PROXY'] = config.get(f'juju-{key}', '')
        if config.get(key):
            variable = key.replace('-', '_')
            values[variable] = values[variable.upper()] = config[key]
    return values


def _hook(hook: Hook | None) -> dict[str, str]:
    if hook is None:
        return {}
    values = {'JUJU_DISPATCH_PATH': f'hooks/{hook.name}'}
    if hook.relation_id is not None:
        endpoint = hook.name.removesuffix(f'-{hook.kind}')
        values |= {'JUJU_RELATION': endpoint, 'JUJU_RELATION_ID': f'{endpoint}:{hook.relation_id}'}
        values |= {'JUJU_REMOTE_UNIT': hook.remote_unit, 'JUJU_REMOTE_APP': hook.remote_app}
    if hook.departing_unit:
        values['JUJU_DEPARTING_UNIT'] = hook.departing_unit
    return values


def _task(context: HookContext) -> dict[str, str]:
    task = context.task
    if task is None:
        return {}
    if not task.name:
        return {'HOME': '/root', 'USER': 'root', 'SHELL': '/bin/bash'}
    return {
        'JUJU_DISPATCH_PATH': f'actions/{task.name}',
        'JUJU_ACTION_NAME': task.name,
        'JUJU_ACTION_UUID': task.uuid,
        'JUJU_ACTION_TAG': f'action-{task.id}',
    }
