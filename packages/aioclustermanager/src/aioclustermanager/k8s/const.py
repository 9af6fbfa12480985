"""Phases of a pod as Kubernetes spells them, and ERROR: what a wait says of executions that failed."""

PENDING = 'Pending'
ERROR = 'Error'
RUNNING = 'Running'
SUCCEEDED = 'Succeeded'
FAILED = 'Failed'
