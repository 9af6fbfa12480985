"""Stand-ins of the Kubernetes programs and of etcd: small, instant, and speaking the real wire.

Each program under `../snaps` is a launcher of a module here. `_apiserver` and `_etcd` serve with aiohttp, the first
also over HTTP/2 (`_http2`); everything else uses the standard library and PyYAML only, as fifty kubelets may run at
once. Modules whose docstring says "pure" do no I/O.
"""
