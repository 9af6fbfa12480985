"""Service accounts and the tokens in their secrets: what the controller manager does, and whom the API server knows.

Pure. Left out: the secret that Kubernetes before 1.24 makes for each account by itself, and tokens by TokenRequest.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from . import _identity, _tokens
from ._controllers import Action, State, collection, is_alive, listed, path

Json = dict[str, Any]
Getter = Callable[[str, str, str], Json | None]  # storage, namespace, name
TYPE = 'kubernetes.io/service-account-token'
NAME, UID = 'kubernetes.io/service-account.name', 'kubernetes.io/service-account.uid'
_CLAIM = 'kubernetes.io/serviceaccount'


@dataclass(frozen=True)
class Signer:
    """What the controller manager puts into secrets."""

    key: _tokens.Key | None  # None: it makes no tokens
    authority: str = ''


def tokens(state: State, signer: Signer) -> Iterator[Action]:
    """Fill the secrets that want an account's token; take those away whose account has gone."""
    if signer.key is None:
        return
    accounts = {_place(item): item for item in listed(state, 'serviceaccounts') if is_alive(item)}
    for secret in listed(state, 'secrets'):
        if secret.get('type') != TYPE or not is_alive(secret):
            continue
        notes = secret['metadata'].get('annotations') or {}
        namespace, name = _place(secret)[0], notes.get(NAME, '')
        account = accounts.get((namespace, name))
        if account is None or notes.get(UID) not in (None, '', account['metadata']['uid']):
            there = f'{collection("serviceaccounts", namespace)}/{name}'
            options = {'preconditions': {'uid': secret['metadata']['uid']}}
            yield Action('DELETE', path('secrets', secret), options, absent=() if account else (there,))
        elif (filled := _filled(secret, account, signer, signer.key)) != secret:
            yield Action('PUT', path('secrets', secret), {**filled, 'apiVersion': 'v1', 'kind': 'Secret'})


def _filled(secret: Json, account: Json, signer: Signer, key: _tokens.Key) -> Json:
    """Return the secret as it should be; a token that is there stays."""
    meta = secret['metadata']
    annotations = {**(meta.get('annotations') or {}), UID: account['metadata']['uid']}
    data = {**(secret.get('data') or {}), 'namespace': _base64(meta['namespace'])}
    if signer.authority:
        data['ca.crt'] = _base64(signer.authority)
    if not data.get('token'):
        data['token'] = _base64(_tokens.signed(key, _claims(secret, account)))
    return {**secret, 'metadata': {**meta, 'annotations': annotations}, 'data': data}


def _claims(secret: Json, account: Json) -> Json:
    namespace, name = _place(account)
    return {
        'iss': 'kubernetes/serviceaccount',
        f'{_CLAIM}/namespace': namespace,
        f'{_CLAIM}/secret.name': _name(secret),
        f'{_CLAIM}/service-account.name': name,
        f'{_CLAIM}/service-account.uid': account['metadata']['uid'],
        'sub': f'system:serviceaccount:{namespace}:{name}',
    }


def user(token: str, keys: Sequence[_tokens.Key], get: Getter) -> _identity.User | None:
    """Return whose token this is; None unless secret and account are still there."""
    said = _tokens.claims(token, keys) or {}
    namespace, kept, name, uid = (
        str(said.get(f'{_CLAIM}/{key}', ''))
        for key in ('namespace', 'secret.name', 'service-account.name', 'service-account.uid')
    )
    secret, account = get('secrets', namespace, kept), get('serviceaccounts', namespace, name)
    if not secret or not account or not is_alive(secret) or not is_alive(account):
        return None
    if (secret.get('data') or {}).get('token') != _base64(token) or account['metadata']['uid'] != uid:
        return None
    groups = ('system:serviceaccounts', f'system:serviceaccounts:{namespace}', _identity.AUTHENTICATED)
    return _identity.User(f'system:serviceaccount:{namespace}:{name}', groups, uid)


def _name(item: Json) -> str:
    return str(item['metadata']['name'])


def _place(item: Json) -> tuple[str, str]:
    return item['metadata']['namespace'], _name(item)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
