"""Leader data and its flags."""

HANDLERS = """
from charms import leadership
from charms.reactive import get_flags, hook, when

@when('leadership.is_leader')
def lead():
    leadership.leader_set({'colour': 'red', 'gone': None})

@hook('update-status')
def tell():
    flags = [flag for flag in get_flags() if flag.startswith('leadership.')]
    open('../flags', 'a').write(' '.join(flags) + chr(10))
"""
FOLLOW = "\n@hook('config-changed')\ndef overreach():\n    leadership.leader_set(colour='blue')\n"


def seen(charm):
    return [line.split() for line in (charm.directory.parent / 'flags').read_text().splitlines()]


def test_what_is_so_already_is_not_sent_again(assemble):
    charm = assemble('leadership', handlers=HANDLERS)
    charm.run()
    assert charm.calls('leader-set') == [['colour=red']]
    charm.run()
    assert charm.calls('leader-set') == []


def test_a_follower_sees_what_is_set_and_what_changed(assemble):
    charm = assemble('leadership', handlers=HANDLERS)
    charm.change(leader=False, settings={'colour': 'red'})
    charm.run()
    charm.run()
    charm.change(settings={'colour': 'green'})
    charm.run()
    charm.change(settings={})
    charm.run()
    changed = ['leadership.changed', 'leadership.changed.colour']
    assert seen(charm) == [[*changed, 'leadership.set.colour'], ['leadership.set.colour'], seen(charm)[0], changed]


def test_fm_68_follower_acts_as_leader_is_refused_before_juju_is_asked(assemble):
    charm = assemble('leadership', handlers=HANDLERS + FOLLOW)
    charm.change(leader=False)
    done = charm.run('config-changed', check=False)
    assert done.returncode == 1
    assert 'only the leader can set leader settings' in done.stderr
    assert charm.calls('leader-set') == []


def test_secrets_of_leader_data_are_not_kept_in_the_units_store(assemble):
    charm = assemble('leadership', handlers=HANDLERS)
    charm.change(leader=False, settings={'colour': 'a-very-secret-token'})
    charm.run()
    assert b'a-very-secret-token' not in (charm.directory / '.unit-state.db').read_bytes()
