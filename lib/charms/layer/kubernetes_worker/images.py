"""Container images: which one for an architecture, and from which registry. Decides only."""

from __future__ import annotations

import re

from charms.layer.kubernetes_common import options

SUFFIXES = {'ppc64el': 'ppc64le'}  # images are named as Go names architectures, which differs from Debian in this one
REFERENCE = re.compile(
    r'[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?::\d+)?(?:/[a-z0-9._-]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?',
    re.ASCII,
)


def suffix(architecture: str) -> str:
    """Return how the names of images spell an architecture."""
    return SUFFIXES.get(architecture, architecture)


def located(image: str, registry: str) -> str:
    """Return an image's name at another registry, which has it under the same path; '' leaves it where it is."""
    if not registry:
        return image
    host, slash, path = image.partition('/')
    named = slash and ('.' in host or ':' in host)
    return f'{registry.rstrip("/")}/{path if named else image}'


def pause(architecture: str, registry: str) -> str:
    """Return the image that holds a pod's namespaces; '' is the kubelet's or the runtime's own choice."""
    return f'{registry.rstrip("/")}/pause-{suffix(architecture)}:3.1' if registry else ''


def option(config: options.Config, name: str) -> str:
    """Return an option that names an image; '' for `auto` and for an empty one."""
    value = options.text(config, name)
    if value in ('', 'auto'):
        return ''
    if not REFERENCE.fullmatch(value):
        raise options.Invalid(
            name, f'expected "auto" or an image such as my.registry/path/name:tag, got {value[:60]!r}'
        )
    return value
