"""Whether what lies in the folder is enough to go on without the bootstrap credential. Reads files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from aioclustermanager.kubernetes import InvalidConfiguration

from . import _bootstrap, _certificates, _files, _hub_kubeconfig, _names
from ._names import Names


def fault(folder: Path, kubeconfig: Path, bootstrap: Path, names: Names, now: datetime) -> str:
    """Return why the hub's kubeconfig cannot be used, '' if it can. What is broken is as good as missing."""
    key, certificate = _files.read(folder / 'tls.key'), _files.read(folder / 'tls.crt')
    needed = {str(kubeconfig): _files.read(kubeconfig), 'tls.key': key, 'tls.crt': certificate}
    missing = [name for name, found in needed.items() if found is None]
    if key is None or certificate is None or missing:
        return f'there is no {", no ".join(missing)}'
    try:
        chain = _certificates.chain(certificate)
    except _certificates.Unusable as error:
        return f'tls.crt: {error}'
    if names.user not in chain.common_names:
        return f'the certificate is for {", ".join(chain.common_names) or "nobody"}, not for {names.user}'
    if chain.is_expired(now):
        return f'the certificate ended at {chain.ends:%Y-%m-%d %H:%M:%S} UTC'
    if not _certificates.fits(key, chain):
        return 'the key is not that of the certificate'
    return other_hub(kubeconfig, bootstrap)


def other_hub(kubeconfig: Path, bootstrap: Path) -> str:
    """Return why a kubeconfig does not lead where the bootstrap kubeconfig does, '' if it does."""
    try:
        current = _bootstrap.hub(kubeconfig)
    except InvalidConfiguration as error:
        return str(error)
    try:
        wanted = _bootstrap.hub(bootstrap)
    except InvalidConfiguration:
        return ''  # nothing to compare with: what works goes on
    what = _hub_kubeconfig.difference(wanted, current)
    return f'the bootstrap kubeconfig leads to another hub ({what} differs)' if what else ''


def certificate_names(folder: Path) -> Names | None:
    """Return the names in the folder's certificate; None where there are none."""
    content = _files.read(folder / 'tls.crt')
    if content is None:
        return None
    try:
        common_names = _certificates.chain(content).common_names
    except _certificates.Unusable:
        return None
    return next(filter(None, map(_names.from_common_name, common_names)), None)


def is_consistent(data: dict[str, bytes] | object, names: Names) -> bool:
    """Tell whether a hub secret's data may be put into the folder."""
    if not isinstance(data, dict):
        return False
    try:
        chain = _certificates.chain(data.get('tls.crt', b''))
    except _certificates.Unusable:
        return False
    fits = _certificates.fits(data.get('tls.key', b''), chain)
    return fits and names.user in chain.common_names and _hub_kubeconfig.is_usable(data.get('kubeconfig', b''))
