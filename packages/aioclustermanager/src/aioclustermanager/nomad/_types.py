"""What the HTTP API of Nomad gives and takes, as far as this package reads it (https://developer.hashicorp.com/nomad/api-docs).

Every key may be absent: servers of other versions leave fields out, and there are many more.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

JobType = Literal['batch', 'service', 'system', 'sysbatch']
Stream = Literal['stdout', 'stderr']


class Task(TypedDict, total=False):
    Name: str
    Driver: str
    Config: dict[str, Any]
    Env: dict[str, str] | None
    Meta: dict[str, str] | None
    Resources: dict[str, Any]
    LogConfig: dict[str, Any]
    Templates: list[dict[str, Any]] | None


class TaskGroup(TypedDict, total=False):
    Name: str
    Count: int
    Tasks: list[Task]
    RestartPolicy: dict[str, Any]
    ReschedulePolicy: dict[str, Any]
    Update: dict[str, Any] | None
    Meta: dict[str, str] | None


class Job(TypedDict, total=False):
    """A job as it is sent and as it is read; the indexes, Status, Version and SubmitTime are the server's."""

    ID: str
    Name: str
    Namespace: str
    Region: str
    Type: JobType
    Priority: int
    Datacenters: list[str]
    Constraints: list[dict[str, Any]] | None
    TaskGroups: list[TaskGroup]
    Meta: dict[str, str] | None
    Periodic: dict[str, Any] | None
    ParameterizedJob: dict[str, Any] | None
    ParentID: str
    Payload: str | None
    Stop: bool
    Status: Literal['pending', 'running', 'dead']
    StatusDescription: str
    Version: int
    CreateIndex: int
    ModifyIndex: int
    JobModifyIndex: int
    SubmitTime: int  # nanoseconds since 1970


class JobStub(TypedDict, total=False):
    """A job in a list."""

    ID: str
    ParentID: str
    Name: str
    Namespace: str
    Type: JobType
    Priority: int
    Periodic: bool
    ParameterizedJob: bool
    Stop: bool
    Status: Literal['pending', 'running', 'dead']
    Meta: dict[str, str] | None  # on demand, from Nomad 1.6
    JobSummary: dict[str, Any]
    CreateIndex: int
    ModifyIndex: int
    JobModifyIndex: int


class TaskEvent(TypedDict, total=False):
    Type: str
    Time: int  # nanoseconds since 1970
    DisplayMessage: str
    Message: str
    ExitCode: int


class TaskState(TypedDict, total=False):
    State: Literal['pending', 'running', 'dead']
    Failed: bool
    Restarts: int
    StartedAt: str | None
    FinishedAt: str | None
    Events: list[TaskEvent]


class Allocation(TypedDict, total=False):
    ID: str
    EvalID: str
    Name: str
    Namespace: str
    NodeID: str
    NodeName: str
    JobID: str
    JobVersion: int
    TaskGroup: str
    DeploymentID: str
    DeploymentStatus: dict[str, Any] | None
    DesiredStatus: Literal['run', 'stop', 'evict']
    ClientStatus: Literal['pending', 'running', 'complete', 'failed', 'lost', 'unknown']
    ClientDescription: str
    TaskStates: dict[str, TaskState] | None
    PreviousAllocation: str
    NextAllocation: str
    CreateIndex: int
    ModifyIndex: int
    CreateTime: int  # nanoseconds since 1970
    ModifyTime: int


class Evaluation(TypedDict, total=False):
    ID: str
    JobID: str
    Namespace: str
    TriggeredBy: str
    Status: Literal['blocked', 'pending', 'complete', 'failed', 'canceled']
    StatusDescription: str
    FailedTGAllocs: dict[str, Any] | None  # why groups found no place
    CreateIndex: int
    ModifyIndex: int


class Deployment(TypedDict, total=False):
    ID: str
    JobID: str
    Namespace: str
    JobVersion: int
    Status: str  # running, paused, successful, failed, cancelled, blocked ...
    StatusDescription: str
    TaskGroups: dict[str, dict[str, Any]]
    CreateIndex: int
    ModifyIndex: int


class Node(TypedDict, total=False):
    ID: str
    Name: str
    Datacenter: str
    NodeClass: str
    NodePool: str
    Address: str
    Version: str
    Drain: bool
    SchedulingEligibility: Literal['eligible', 'ineligible']
    Status: Literal['initializing', 'ready', 'down', 'disconnected']
    Attributes: dict[str, str]  # not in lists
    CreateIndex: int
    ModifyIndex: int


class Namespace(TypedDict, total=False):
    Name: str
    Description: str
    Quota: str
    CreateIndex: int
    ModifyIndex: int


class Registered(TypedDict, total=False):
    """The answer to a registration, and to whatever else changes a job."""

    EvalID: str
    EvalCreateIndex: int
    JobModifyIndex: int
    Warnings: str


class Dispatched(TypedDict, total=False):
    DispatchedJobID: str
    EvalID: str
    EvalCreateIndex: int
    JobCreateIndex: int


class ScaleStatus(TypedDict, total=False):
    JobID: str
    JobStopped: bool
    JobModifyIndex: int
    TaskGroups: dict[str, dict[str, Any]]  # Desired, Placed, Running, Healthy, Unhealthy


class File(TypedDict, total=False):
    Name: str
    IsDir: bool
    Size: int
