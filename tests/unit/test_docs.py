"""The documentation: every link leads somewhere, generated pages are fresh, and shown commands and figures exist."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from juju_local._cli._verb import MODULES

ROOT = Path(__file__).parents[2]
LINK = re.compile(r'(?<!!)\[[^\]]*\]\(([^)\s]+)\)')
HEADING = re.compile(r'^#+ +(.*)$', re.MULTILINE)
COMMAND = re.compile(r'^\$ (.*)$', re.MULTILINE)
CODE = re.compile(r'^```.*?^```$', re.MULTILINE | re.DOTALL)
PAGES = sorted(
    path
    for path in ROOT.rglob('*.md')
    if not any(part.startswith('.') or part in ('build', 'wheelhouse') for part in path.relative_to(ROOT).parts)
)


@pytest.fixture(scope='module')
def reference() -> Iterator[ModuleType]:
    """The program that writes pages of the reference."""
    loader = importlib.machinery.SourceFileLoader('write_reference', str(ROOT / 'tools/write-reference'))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[loader.name] = module  # dataclasses look there for the module of their class
    try:
        loader.exec_module(module)
        yield module
    finally:
        sys.dont_write_bytecode = written
        del sys.modules[loader.name]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for link in LINK.findall(CODE.sub('', page.read_text())):
        if '://' in link or link.startswith('mailto:'):
            continue
        place, _, anchor = link.partition('#')
        target = (page.parent / place) if place else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def _anchors(page: Path) -> set[str]:
    headings = HEADING.findall(CODE.sub('', page.read_text()))
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_every_page_under_docs_can_be_reached_from_the_readme() -> None:
    reachable = _reachable(ROOT / 'README.md')
    assert [page.name for page in PAGES if ROOT / 'docs' in page.parents and page not in reachable] == []


def _reachable(start: Path) -> set[Path]:
    seen: set[Path] = set()
    todo = [start]
    while todo:
        page = todo.pop()
        if page.is_dir():
            todo += page.glob('*.md')  # a folder's page lists them
        if page in seen or page.suffix != '.md' or not page.exists():
            continue
        seen.add(page)
        links = (link.partition('#')[0] for link in LINK.findall(page.read_text()) if '://' not in link)
        todo += [(page.parent / link).resolve() for link in links if link]
    return seen


def test_generated_pages_are_fresh(reference: ModuleType) -> None:
    pages = {path.name: (path, text) for path, text in reference.pages().items()}
    del pages['failure-modes.md']  # another test of a mode that has one makes nothing on it wrong
    stale = [name for name, (path, text) in pages.items() if not path.exists() or path.read_text() != text]
    assert stale == [], 'run `make docs`'


def test_the_page_of_failure_modes_says_what_is_so(reference: ModuleType) -> None:
    page = (ROOT / 'docs/reference/failure-modes.md').read_text()
    rows = re.findall(r'^\| (FM-\d\d) \|.*\| ([^|]*) \|$', page, re.MULTILINE)
    shown = {
        id_: {path for _, path in re.findall(r'\[([^]]*)\]\(\.\./\.\./tests/([^)]*)\)', cell)} for id_, cell in rows
    }
    held = {id_: set(map(str, paths)) for id_, paths in reference.failure_mode_tests().items()}
    wrong = {id_ for id_, paths in shown.items() if not paths <= held.get(id_, set())}
    assert (len(shown), wrong, {id_ for id_ in held if not shown[id_]}) == (70, set(), set()), 'run `make docs`'


def test_every_test_of_a_failure_mode_names_one_that_is_known(reference: ModuleType) -> None:
    known = {line.split('\t')[0] for line in (ROOT / 'tools/failure-modes.tsv').read_text().splitlines()}
    assert set(reference.failure_mode_tests()) <= known


def test_every_option_without_effect_is_marked_and_no_other(reference: ModuleType) -> None:
    from_page = set(re.findall(r'^\| `([^`]+)` \|[^|]*\|[^|]*\| not yet \|', reference.options_page(), re.MULTILINE))
    assert {'sysctl'} <= from_page
    assert not {'labels', 'kubelet-extra-config', 'service-cidr'} & from_page


def test_every_option_and_action_of_the_worker_has_an_example_on_a_page_that_is_run(reference: ModuleType) -> None:
    worker = next(charm for charm in reference.CHARMS if charm.name == 'kubernetes-worker')
    pages = [ROOT / 'README.md', *(ROOT / 'docs/tutorial').glob('*.md'), *(ROOT / 'docs/howto').glob('*.md')]
    shown = '\n'.join(line for page in pages for line in COMMAND.findall(page.read_text()))
    settings = '\n'.join(re.findall(r'config kubernetes-worker (.*)', shown))
    assert set(reference._options(worker)) - set(re.findall(r'(?:^|\s)([\w-]+)=', settings, re.MULTILINE)) == set()
    actions = set(re.findall(r'\brun(?:-action)? kubernetes-worker/\d ([\w-]+)', shown))
    assert set(reference._yaml(worker, 'actions.yaml')) - actions == set()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_verb_that_a_page_shows_exists(page: Path) -> None:
    shown = [line.split() for line in COMMAND.findall(page.read_text())]
    verbs = {words[1] for words in shown if words[0] in ('juju', 'juju-local') and not words[1].startswith('-')}
    assert {verb for verb in verbs if verb not in ('help', *MODULES)} == set()


def test_every_make_target_that_the_readme_shows_exists() -> None:
    targets = set(re.findall(r'^([a-z]+):', (ROOT / 'Makefile').read_text(), re.MULTILINE))
    assert set(re.findall(r'[$`] ?make ([a-z]+)', (ROOT / 'README.md').read_text())) <= targets
