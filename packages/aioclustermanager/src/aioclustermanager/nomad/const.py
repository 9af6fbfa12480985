"""What Nomad says of jobs and allocations, and ERROR: what a wait says of executions that failed."""

PENDING = 'pending'
ERROR = 'failed'
RUNNING = 'running'
SUCCEEDED = 'complete'
FAILED = 'failed'
DEAD = 'dead'
