"""One status a hook."""

SAY = """
from charms.layer import status
from charmhelpers.core import hookenv

def say():
{lines}

hookenv.atexit(say)
"""


def saying(*calls):
    return SAY.format(lines='\n'.join(f'    status.{call}' for call in calls) or '    pass')


def test_the_gravest_wins_and_the_first_of_equals(assemble):
    charm = assemble('status', handlers=saying("active('a')", "waiting('b')", "blocked('c')", "blocked('d')"))
    charm.run()
    assert charm.state()['status'] == ['blocked', 'c']
    assert len(charm.calls('status-set')) == 1


def test_what_shows_already_is_not_set_again(assemble):
    charm = assemble('status', handlers=saying("active('ready')"))
    charm.run()
    charm.run()
    assert charm.calls('status-set') == []


def test_a_status_that_another_left_is_corrected(assemble):
    charm = assemble('status', handlers=saying("active('ready')"))
    charm.run()
    charm.change(status=['maintenance', 'left by a hook that failed'])
    charm.run()
    assert charm.state()['status'] == ['active', 'ready']


def test_maintenance_shows_at_once_and_gives_way_at_the_end(assemble):
    charm = assemble('status', handlers=saying("maintenance('working')", "active('ready')"))
    charm.run()
    assert charm.calls('status-set') == [['maintenance', 'working'], ['active', 'ready']]


def test_a_charm_that_says_nothing_keeps_its_status(assemble):
    charm = assemble('status', handlers=saying())
    charm.run()
    assert charm.state()['status'] == ['unknown', '']
