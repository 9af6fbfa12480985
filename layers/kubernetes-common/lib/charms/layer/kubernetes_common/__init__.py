"""What both Kubernetes charms share: deciders that only compute, and one door for each kind of side effect.

Pure: `versions`, `arguments`, `options`, `trees`, `kubeconfig`. Doors: `files`, `services`, `snaps`, `api`, `node`.
"""
