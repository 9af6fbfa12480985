"""A stand-in for snapd's daemon on a socket of its own: options of the system, in changes as of snapd 2.57.6."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler


class Snapd(socketserver.ThreadingUnixStreamServer):
    """Options and changes; a change is done when it is looked at for the second time."""

    daemon_threads = True

    def __init__(self, path):
        super().__init__(str(path), Handler)
        self.options = {}
        self.changes = []
        self.answer = None  # bytes to send instead of any answer
        self.thread = threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.01})
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def address_string(self):
        return ''

    def do_PUT(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path != '/v2/snaps/system/conf':
            self.tell(404, {'type': 'error', 'result': {'message': 'not found'}})
            return
        self.server.changes.append({'values': json.loads(body), 'looks': 0})
        self.tell(202, {'type': 'async', 'status-code': 202, 'result': None, 'change': str(len(self.server.changes))})

    def do_GET(self):
        change = self.server.changes[int(self.path.rpartition('/')[2]) - 1]
        change['looks'] += 1
        bad = [name for name in change['values'] if not name.startswith(('proxy.http', 'refresh.'))]
        if change['looks'] < 2:
            state = {'status': 'Doing', 'ready': False}
        elif bad:
            why = f'cannot set "core.{bad[0]}" to {change["values"][bad[0]]}: unsupported system option'
            state = {'status': 'Error', 'ready': True, 'err': f'cannot perform the following tasks:\n- ({why})'}
        else:
            self.server.options |= {name: value for name, value in change['values'].items() if value is not None}
            for name, value in change['values'].items():
                if value is None:
                    self.server.options.pop(name, None)
            state = {'status': 'Done', 'ready': True}
        self.tell(200, {'type': 'sync', 'status-code': 200, 'result': state})

    def tell(self, code, document):
        text = json.dumps(document).encode()
        if self.server.answer is not None:
            self.wfile.write(self.server.answer)
            return
        self.send_response(code)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
