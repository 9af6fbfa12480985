"""What a Kubernetes worker should look like. Modules decide only: no Juju, no files, no processes.

The exceptions say so in their first line: `inputs` collects the facts of a hook, `machine` knows this machine,
`runtime` and `cni_plugins` are doors, `actions` runs what an operator asks for.
"""
