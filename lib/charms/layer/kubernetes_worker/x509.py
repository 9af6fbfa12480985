"""A door: looks at certificates and keys through the program openssl, which every Ubuntu has. Nothing is in a file."""

from __future__ import annotations

import re
import ssl
import subprocess

TIMEOUT_S = 30
PUBLIC_KEY = re.compile(r'-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----', re.DOTALL)


def faults(certificate: str, key: str, domain: str, now: float) -> list[str]:
    """Return why a certificate, with its key, is no good for a domain; each fault begins with an action's parameter.

    Args:
        certificate: PEM; the first counts, those of authorities may follow.
        key: PEM, without a passphrase.
        domain: a DNS name, which stands in the subject alternative names, else as common name.
        now: seconds since 1970.
    """
    told = _openssl(['x509', '-noout', '-pubkey', '-startdate', '-enddate', '-checkhost', domain], certificate)
    public = _openssl(['pkey', '-pubout', '-passin', 'pass:'], key)
    found = [] if told else ['tlscert: is no certificate in PEM form']
    if not public:
        found.append('tlskey: is no private key in PEM form without a passphrase')
    if told:
        found += _period(told, now)
        if 'does match certificate' not in told:
            why = 'neither by a subject alternative name nor by its common name'
            found.append(f'tlscert: is not for {domain}, {why}: give the domain it is for')
    if told and public and _public_key(told) != _public_key(public):
        found.append('tlskey: does not belong to tlscert')
    return found


def _period(told: str, now: float) -> list[str]:
    dates = dict(re.findall(r'^(notBefore|notAfter)=(.*)$', told, re.MULTILINE))
    if now > ssl.cert_time_to_seconds(dates['notAfter']):
        return [f'tlscert: has expired: it was good until {dates["notAfter"]}']
    if now < ssl.cert_time_to_seconds(dates['notBefore']):
        return [f'tlscert: is not good before {dates["notBefore"]}']
    return []


def _public_key(text: str) -> str:
    found = PUBLIC_KEY.search(text)
    return ''.join(found[0].split()) if found else ''


def _openssl(arguments: list[str], stdin: str) -> str:
    """Return what openssl printed, '' if it could not read its input."""
    done = subprocess.run(
        ['openssl', *arguments], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return '' if done.returncode else done.stdout
