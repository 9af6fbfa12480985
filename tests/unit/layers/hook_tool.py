"""A hook tool for tests: answers from, and writes to, one JSON file; every call is recorded."""

import json
import os
import sys
from pathlib import Path

PATH = Path(os.environ['JUJU_STATE'])
SILENT = ('juju-log', 'application-version-set', 'open-port', 'relation-set')


def main():
    tool, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    state = json.loads(PATH.read_text())
    state['calls'].append([tool, *arguments])
    words = [word for word in arguments if not word.startswith('--')]
    answer = None
    if tool == 'config-get':
        answer = state['config']
    elif tool == 'is-leader':
        answer = state['leader']
    elif tool == 'leader-get':
        answer = state['settings']
    elif tool == 'leader-set':
        pairs = [word.split('=', 1) for word in words]
        state['settings'].update({key: value for key, value in pairs if value})
        for key, value in pairs:
            if not value:
                state['settings'].pop(key, None)
    elif tool == 'relation-ids':
        answer = []
    elif tool == 'status-get':
        answer = {'status': state['status'][0], 'message': state['status'][1]}
    elif tool == 'status-set':
        state['status'] = words
    elif tool == 'resource-get':
        found = state['resources'].get(words[0])
        if not found:
            return 1
        sys.stdout.write(found)
    elif tool not in SILENT:
        return 2
    if answer is not None:
        json.dump(answer, sys.stdout)
    PATH.write_text(json.dumps(state))
    return 0


sys.exit(main())
