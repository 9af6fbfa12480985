"""The options about snapd that both charms have: where snaps come from, and when they are refreshed. Computing only."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from . import options
from .options import Invalid
from .versions import Span

SUPPORTED = Span(first=(1, 9), last=(1, 36))
RISKS = ('stable', 'candidate', 'beta', 'edge')
PART = re.compile('[a-z0-9][a-z0-9._-]{0,60}')
# of snapd's refresh.timer: a day of the week, maybe of the month's n-th week, and a time of the day
DAY = re.compile('(?:mon|tue|wed|thu|fri|sat|sun)[1-5]?')
TIME = re.compile('([0-9]{1,2}):([0-9]{2})')


def channel(config: options.Config, name: str = 'channel') -> str:
    """Return the channel: TRACK, RISK or TRACK/RISK, where a track that is a version must be a supported one."""
    text = options.text(config, name)
    parts = text.split('/')
    track = '' if parts[0] in RISKS else parts.pop(0)
    is_channel = len(parts) <= 2 and all(map(PART.fullmatch, text.split('/')))
    if not is_channel or (track and parts and parts[0] not in RISKS):
        risks = ', '.join(RISKS)
        raise Invalid(name, f'expected a track and a risk ({risks}) such as 1.12/stable, got {text[:40]!r}')
    version = re.fullmatch(r'v?(\d+)\.(\d+)', track, re.ASCII)
    if version and tuple(map(int, version.groups())) not in SUPPORTED:
        raise Invalid(name, f'supported are Kubernetes 1.9 to 1.36, got {text[:40]!r}')
    return text


def url(config: options.Config, name: str) -> str:
    """Return an option that holds the URL of an HTTP server, '' if none is wanted."""
    text = proxy(config, name)
    if has_user(text):
        raise Invalid(name, 'snapd gives no user to a store proxy: leave it out of the URL')
    return text


def proxy(config: options.Config, name: str) -> str:
    """Return an option that holds the URL of a web proxy, maybe with a user and a password; '' if none is wanted.

    Raises:
        Invalid: with a text that never shows the value.
    """
    text = options.text(config, name)
    if not text:
        return ''
    try:
        parts = urlsplit(text)
        is_server = parts.scheme in ('http', 'https') and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_server = False
    if not is_server or not re.fullmatch(r'[!-~]+', text):
        raise Invalid(name, 'expected a URL such as http://squid.internal:3128')
    return text


def has_user(url: str) -> bool:
    """Tell whether a good URL holds a user, and perhaps a password."""
    return urlsplit(url).username is not None


def refresh_timer(config: options.Config, name: str = 'snapd_refresh') -> str:
    """Return a schedule for snapd's option refresh.timer, 'max', or '' for snapd's own."""
    text = options.text(config, name)
    if text not in ('', 'max'):
        for event in re.split(',,?', text):
            reason = _event_fault(event.strip())
            if reason:
                raise Invalid(name, f'expected max, nothing, or a schedule such as fri5,23:00; {reason}')
    return text


def store_id(assertions: str) -> str:
    """Return the id of the store that a snap store proxy's assertions are about.

    Raises:
        ValueError: there is no assertion about a store in them.
    """
    for assertion in re.split(r'\n\n+', assertions):
        headers = dict(line.split(': ', 1) for line in assertion.splitlines() if ': ' in line)
        if headers.get('type') == 'store' and headers.get('store'):
            return headers['store']
    raise ValueError('the answer has no assertion about a store')


def _event_fault(event: str) -> str:
    """Return what is wrong with a part of a timer: days or times, a span of either, a count at its end."""
    span, slash, count = event.partition('/')
    if slash and not re.fullmatch('[1-9][0-9]{0,3}', count):
        return f'{count[:20]!r} is no count'
    for piece in re.split('[-~]', span):
        clock = TIME.fullmatch(piece)
        if clock and ((int(clock[1]), int(clock[2])) > (24, 0) or int(clock[2]) > 59):
            return f'{piece[:20]!r} is no time'
        if not clock and not DAY.fullmatch(piece):
            return f'{piece[:20]!r} is neither a weekday nor a time'
    return ''
