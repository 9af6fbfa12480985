"""Options of a snap, out of a program's own help."""

from juju_local._real_store import _snaps

HELP = """\
The kubelet is ...

Usage:
  kubelet [flags]

Flags:
      --add-dir-header                                           If true, adds the file directory
      --address ip                                               The IP address to serve on (DEPRECATED: see --config.)
      --feature-gates mapStringBool                              A set of key=value pairs
      --log-flush-frequency duration                             Maximum number of seconds (default 5s)
  -v, --v Level                                                  number for the log level
  -h, --help                                                     help for kubelet
      --version version[=true]                                   Print version information and quit
      --bind-address ip
                Where to listen
"""


def test_a_flag_with_a_type_is_text_and_one_without_a_switch():
    found = _snaps.options(HELP, {})
    assert {name: option['type'] for name, option in found.items()} == {
        'add-dir-header': 'bool',
        'address': 'string',
        'bind-address': 'string',
        'feature-gates': 'string',
        'log-flush-frequency': 'string',
        'v': 'string',
    }


def test_what_the_recipe_of_the_snap_adds_by_hand_stays_whatever_the_help_says():
    before = {
        'allow-privileged': {'type': 'bool', 'always': True, 'last': '1.14'},
        'address': {'type': 'string', 'always': True},
        'network-plugin': {'type': 'string', 'last': '1.23'},
    }
    found = _snaps.options(HELP, before)
    assert found['allow-privileged'] == {'type': 'bool', 'always': True}
    assert found['address'] == {'type': 'string', 'always': True}
    assert 'network-plugin' not in found
