"""The door to snapd's own settings: the ways to the store, and when snaps are refreshed."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import time
from collections.abc import Mapping

from charmhelpers.core import hookenv
from charms.layer import snap

from . import options, records, snap_options, snapd
from .options import Invalid
from .snaps import Failed

TIMEOUT_S = 30
PROXIES = 'snapd-proxies'
TIMER = 'snapd-refresh-timer'
failures: list[str] = []  # what this hook tried in vain


def converge() -> None:
    """Send snapd through the proxies of the options, if it is not so. What fails is tried again in a later hook."""
    for part in (_http_proxy, _store_proxy):
        try:
            part()
        except Invalid:
            continue  # the status tells; what was set before stays
        except Failed as error:
            hookenv.log(str(error), hookenv.WARNING)
            failures.append(str(error))


def problems() -> list[Invalid]:
    """Return what is wrong with the options of the proxies, on this machine."""
    found = []
    for parser, name in ((_proxy, 'snap_proxy'), (snap_options.url, 'snap_proxy_url')):
        try:
            parser(hookenv.config(), name)
        except Invalid as error:
            found.append(error)
    return found


def timer(wanted: str) -> str:
    """Return what snapd is to be told for an option: for `max` the day that is farthest away from now."""
    return snap.latest_refresh_timer(time.gmtime()) if wanted == 'max' else wanted


def converge_timer(wanted: str) -> None:
    """Make this snapd's refresh timer, '' for its own schedule; looks whether somebody else has changed it.

    Raises:
        Failed: snapd refused, or is busy.
    """
    known = records.get(TIMER)
    if known == wanted and hookenv.hook_name() != 'update-status':
        return
    if known != wanted or _refresh_timer() != wanted:
        _set({'refresh.timer': wanted})
    records.put(TIMER, wanted)


def _proxy(config: options.Config, name: str) -> str:
    url = snap_options.proxy(config, name)
    if snap_options.has_user(url) and not snapd.is_there():
        why = f'there is no {snapd.SOCKET}, and a user in the URL would show in the list of processes'
        raise Invalid(name, f'{why}: use a proxy that needs none')
    return url


def _http_proxy() -> None:
    wanted = _proxy(hookenv.config(), 'snap_proxy')
    if _known('http') != _trace(wanted):
        settings = {'proxy.http': wanted, 'proxy.https': wanted}
        (_set_unseen if snap_options.has_user(wanted) else _set)(settings)
        _note('http', _trace(wanted))


def _trace(url: str) -> str:
    """Return what is recorded of a URL: no password."""
    return hashlib.sha256(url.encode()).hexdigest() if snap_options.has_user(url) else url


def _store_proxy() -> None:
    wanted = snap_options.url(hookenv.config(), 'snap_proxy_url')
    if _known('store') != wanted:
        _set({'proxy.store': _introduced(wanted) if wanted else ''})
        _note('store', wanted)


def _introduced(url: str) -> str:
    """Make a store proxy known to snapd; returns the id of its store."""
    import urllib.request  # slow to import, and hardly ever needed

    address = f'{url.rstrip("/")}/v2/auth/store/assertions'
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310 - http or https, see url()
            assertions = answer.read(1 << 20)
        store = snap_options.store_id(assertions.decode())
    except (OSError, ValueError) as error:
        raise Failed(f'asking the snap store proxy {address} for its assertions: {error}') from error
    with tempfile.NamedTemporaryFile(suffix='.assert') as file:
        file.write(assertions)
        file.flush()
        _snap('ack', file.name)
    return store


def _known(which: str) -> str:
    known = records.get(PROXIES)
    return str(known.get(which, '')) if isinstance(known, dict) else ''


def _note(which: str, value: str) -> None:
    known = records.get(PROXIES)
    records.put(PROXIES, {**(known if isinstance(known, dict) else {}), which: value})


def _refresh_timer() -> str:
    done = subprocess.run(
        ['snap', 'get', 'system', 'refresh.timer'], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ''


def _set(settings: Mapping[str, str]) -> None:
    _snap('set', 'system', *(f'{key}={value or "null"}' for key, value in settings.items()))


def _set_unseen(settings: Mapping[str, str]) -> None:
    """Do as `_set` does, and show nobody the values."""
    attempt = f'setting {", ".join(settings)} of snapd'
    try:
        snapd.configure(settings)
    except snapd.Refused as error:
        said = str(error)
        for value in settings.values():
            said = said.replace(value, '...')
        raise Failed(f'{attempt}: {said[:300]}') from None  # the cause would tell the values
    except OSError as error:
        raise Failed(f'{attempt}: {error}') from error


def _snap(*arguments: str) -> None:
    try:
        subprocess.run(['snap', *arguments], capture_output=True, text=True, timeout=TIMEOUT_S * 4, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, 'stderr', None) or error).strip()[:300]
        raise Failed(f'snap {" ".join(arguments)}: {said}') from error
