"""The schedule of the daemons: looked at, stopped and started."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from forebay.ledger.schedule import ScheduleBook
from forebay.model.schedule import Schedule
from forebay.service.desk import At, Desk
from forebay.service.faults import faults

routes = APIRouter(prefix="/api/v1/scheduler", tags=["scheduler"])


class JobShown(BaseModel):
    """One job. Times are UTC."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["gap_detection"])
    next_run: datetime | None = Field(description="Null while the schedule is stopped.")
    started_at: datetime | None = Field(description="When its newest run began.")
    finished_at: datetime | None
    error: str | None = Field(description="Why that run failed.")
    runs: int = Field(description="How many were begun.")


class ScheduleShown(BaseModel):
    """What the daemons do by themselves."""

    enabled: bool = Field(description="Whether jobs are to be run: what start and stop say.")
    running: bool = Field(description="Whether they are: a daemon lives, and is not told to stop.")
    leader: str | None = Field(description="The daemon that runs them; null when none lives.")
    leads_until: datetime | None
    jobs: list[JobShown]

    @classmethod
    def of(cls, found: Schedule) -> Self:
        """As the ledger's database has it."""
        return cls(
            enabled=found.enabled,
            running=found.enabled and found.leader is not None,
            leader=found.leader,
            leads_until=found.leads_until,
            jobs=[JobShown.model_validate(job) for job in found.jobs],
        )


def _book(desk: Desk) -> ScheduleBook:
    return ScheduleBook(desk.ledger.database, desk.app.clock)


@routes.get("/status", summary="The schedule", responses=faults())
def status(desk: At) -> ScheduleShown:
    """Whether daemons run the jobs, which daemon leads, and when each job ran and will run."""
    return ScheduleShown.of(_book(desk).look())


@routes.post("/start", summary="Start the schedule", responses=faults())
def start(desk: At) -> ScheduleShown:
    """Have the daemons run the jobs again. It needs one: `forebay ingest --daemon`."""
    book = _book(desk)
    book.switch(on=True)
    return ScheduleShown.of(book.look())


@routes.post("/stop", summary="Stop the schedule", responses=faults())
def stop(desk: At) -> ScheduleShown:
    """Have no daemon begin a job until `start`. What runs is not broken off."""
    book = _book(desk)
    book.switch(on=False)
    return ScheduleShown.of(book.look())
