"""iptables and ip6tables: rules kept as text per machine; policies, chains, append, insert, delete, check, list.

The lock that the real ones take is `/run/xtables.lock` (flock): whoever holds it makes a call without `-w` fail with
exit status 4, and one with `-w SECONDS` wait.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager

from . import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

TABLES = {
    'filter': ('INPUT', 'FORWARD', 'OUTPUT'),
    'nat': ('PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'),
    'mangle': ('PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'),
    'raw': ('PREROUTING', 'OUTPUT'),
    'security': ('INPUT', 'FORWARD', 'OUTPUT'),
}
LOCK = '/run/xtables.lock'
POLL_S = 0.05
LONG = {
    '--append': '-A', '--check': '-C', '--delete': '-D', '--insert': '-I', '--list': '-L', '--list-rules': '-S',
    '--flush': '-F', '--new-chain': '-N', '--delete-chain': '-X', '--policy': '-P', '--table': '-t',
    '--replace': '-R', '--zero': '-Z', '--new': '-N',
}  # fmt: skip
COMMANDS = {'-A', '-C', '-D', '-I', '-L', '-S', '-F', '-N', '-X', '-P', '-R', '-Z'}
HELD = 'Another app is currently holding the xtables lock. Perhaps you want to use the -w option?'


class Call:
    """A command line taken apart: the command, its chain, and the words that make a rule."""

    def __init__(self, arguments: list[str]) -> None:
        self.table, self.command, self.chain = 'filter', '', ''
        self.wait_s: float = 0.0
        self.rule: list[str] = []
        todo = [LONG.get(word, word) for word in arguments]
        while todo:
            word = todo.pop(0)
            if word == '-t':
                self.table = todo.pop(0) if todo else ''
            elif word in COMMANDS:
                self.command = word
                self.chain = todo.pop(0) if todo and not todo[0].startswith('-') else ''
            elif word in ('-w', '--wait'):
                self.wait_s = float(todo.pop(0)) if todo and todo[0].replace('.', '').isdigit() else float('inf')
            elif word.startswith('--wait='):
                self.wait_s = float(word.partition('=')[2])
            elif word in ('-W', '--wait-interval'):
                todo = todo[1:]
            elif word not in ('-n', '-v', '--numeric', '--verbose', '-vn', '-nv', '--line-numbers', '-x'):
                self.rule.append(word)


def main(program: str, arguments: list[str]) -> int:
    """Run iptables, ip6tables, or their -save."""
    if program.endswith('-save'):
        _save(program.removesuffix('-save'), arguments)
        return 0
    if arguments[:1] in (['--version'], ['-V']):
        core.say(f'{program} v1.8.7 (nf_tables)')
        return 0
    call = Call(arguments)
    if call.table not in TABLES:
        raise core.Refused(
            f"{program} v1.8.7: can't initialize {program} table `{call.table}': Table does not exist", 3
        )
    if not call.command:
        raise core.Refused(
            f"{program} v1.8.7: no command specified\nTry `{program} -h' or '{program} --help' for more information.", 2
        )
    with _lock(call.wait_s), core.state(program) as kept:
        return _run(program, _table(kept, call.table), call)


@contextmanager
def _lock(wait_s: float) -> Iterator[None]:
    place = core.path(LOCK)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    end = time.monotonic() + wait_s
    with open(place, 'w') as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise core.Refused(HELD, 4) from None
                time.sleep(POLL_S)
        yield


def _table(kept: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a table's chains, made with the built-in ones: chain to {policy, rules}."""
    chains = {chain: {'policy': 'ACCEPT', 'rules': []} for chain in TABLES[name]}
    table: dict[str, Any] = kept.setdefault(name, chains)
    return table


def _run(program: str, table: dict[str, Any], call: Call) -> int:
    rule = ' '.join(call.rule)
    if call.command in ('-L', '-S', '-F', '-Z', '-X') and not call.chain:
        return _on_all(table, call)
    if call.command == '-N':
        if call.chain in table:
            raise core.Refused(f'{program}: Chain already exists.')
        table[call.chain] = {'policy': '', 'rules': []}
        return 0
    if call.command == '-P':
        return _policy(program, table, call)
    if call.chain not in table:
        raise core.Refused(f'{program}: No chain/target/match by that name.')
    rules: list[str] = table[call.chain]['rules']
    if call.command == '-A':
        rules.append(rule)
    elif call.command == '-I':
        number = int(call.rule.pop(0)) if call.rule and call.rule[0].isdigit() else 1
        rules.insert(number - 1, ' '.join(call.rule))
    elif call.command in ('-C', '-D', '-R'):
        return _existing(program, rules, call)
    elif call.command == '-F':
        rules.clear()
    elif call.command == '-X':
        del table[call.chain]
    elif call.command in ('-L', '-S'):
        _print(call, {call.chain: table[call.chain]})
    return 0


def _on_all(table: dict[str, Any], call: Call) -> int:
    if call.command in ('-L', '-S'):
        _print(call, table)
    elif call.command == '-F':
        for chain in table.values():
            chain['rules'].clear()
    elif call.command == '-X':
        for name in [name for name, chain in table.items() if not chain['policy']]:
            del table[name]
    return 0


def _policy(program: str, table: dict[str, Any], call: Call) -> int:
    target = call.rule[0] if call.rule else ''
    if target not in ('ACCEPT', 'DROP'):
        raise core.Refused(f"{program}: Bad policy name. Run `dmesg' for more information.")
    if call.chain not in table or not table[call.chain]['policy']:
        raise core.Refused(f'{program}: Bad built-in chain name.')
    table[call.chain]['policy'] = target
    return 0


def _existing(program: str, rules: list[str], call: Call) -> int:
    if call.command == '-D' and call.rule[:1] and call.rule[0].isdigit():
        number = int(call.rule[0])
        if number > len(rules):
            raise core.Refused(f'{program}: Index of deletion too big.')
        del rules[number - 1]
        return 0
    rule = ' '.join(call.rule)
    if rule not in rules:
        raise core.Refused(f'{program}: Bad rule (does a matching rule exist in that chain?).')
    if call.command == '-D':
        rules.remove(rule)
    return 0


def _print(call: Call, chains: dict[str, Any]) -> None:
    if call.command == '-S':
        for name, chain in chains.items():
            core.say(f'-P {name} {chain["policy"]}' if chain['policy'] else f'-N {name}')
        for name, chain in chains.items():
            for rule in chain['rules']:
                core.say(f'-A {name} {rule}')
        return
    blocks = []
    for name, chain in chains.items():
        kind = f'policy {chain["policy"]}' if chain['policy'] else '0 references'
        rows = [f'Chain {name} ({kind})', 'target     prot opt source               destination         ']
        blocks.append('\n'.join([*rows, *(_row(rule.split()) for rule in chain['rules'])]))
    core.say('\n\n'.join(blocks))


def _row(words: list[str]) -> str:
    """Return a rule as a line of `iptables -L`: target, protocol, options, source, destination, the rest."""
    options = {word: words[index + 1] for index, word in enumerate(words[:-1]) if word.startswith('-')}
    shown = ('-j', '--jump', '-p', '--protocol', '-s', '--source', '-d', '--destination')
    target = options.get('-j', options.get('--jump', ''))
    protocol = options.get('-p', options.get('--protocol', 'all'))
    source = options.get('-s', options.get('--source', '0.0.0.0/0'))
    destination = options.get('-d', options.get('--destination', '0.0.0.0/0'))
    rest = [f'{key} {value}' for key, value in options.items() if key not in shown]
    return f'{target:<10} {protocol:<4} --  {source:<20} {destination:<20} {" ".join(rest)}'.rstrip()


def _save(program: str, arguments: list[str]) -> None:
    kept = core.peek(program)
    only = arguments[arguments.index('-t') + 1] if '-t' in arguments else ''
    for name, table in kept.items():
        if only in ('', name):
            core.say(f'*{name}')
            for chain, each in table.items():
                core.say(f':{chain} {each["policy"] or "-"} [0:0]')
            for chain, each in table.items():
                for rule in each['rules']:
                    core.say(f'-A {chain} {rule}')
            core.say('COMMIT')


def set_policy(program: str, table: str, chain: str, target: str) -> None:
    """Set a built-in chain's policy, as a daemon does: waiting for the lock."""
    with _lock(10.0), core.state(program) as kept:
        _table(kept, table)[chain]['policy'] = target
