"""Moments on the wire: ISO 8601 text in, aware datetimes inside, ISO 8601 text out.

Rules: a moment without an offset is UTC, whatever the worker's own zone is [TASK2-ACC-009]; a moment that cannot be
read is an error that names its field, the empty text included [WORK-ROB-002]. Reading accepts exactly what Celery's
worker accepts, because it calls the same reader (dateutil's `isoparse`), so a date alone, `Z`, any offset and a blank
instead of `T` are all fine.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dateutil.parser import isoparse

from celery_wire.errors import FieldInvalidError


def utc_now() -> datetime:
    """The current moment, aware, in UTC."""
    return datetime.now(UTC)


def read_moment(field: str, value: object) -> datetime | None:
    """The moment that a header holds, aware; None for None.

    A datetime is taken as it is: the JSON dialect has a tag for it and AMQP tables have a type for it.
    Raises FieldInvalidError for anything else that is not ISO 8601 text.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        return as_aware(value)
    if not isinstance(value, str) or not value:
        raise FieldInvalidError(field, "ISO 8601 text or null", value)
    try:
        return as_aware(isoparse(value))
    except ValueError as error:
        raise FieldInvalidError(field, "ISO 8601 text or null", value) from error


def as_aware(moment: datetime) -> datetime:
    """The moment itself when it has an offset, else the same wall time in UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def write_moment(value: datetime | str | None) -> str | None:
    """What a producer writes into `eta` and `expires`: text is passed on unread, as Celery's producer does."""
    return value.isoformat() if isinstance(value, datetime) else value


def seconds_until(moment: datetime, now: datetime) -> float:
    """Seconds from now to the moment; negative when it has passed."""
    return (as_aware(moment) - now).total_seconds()


def after(now: datetime, seconds: float) -> datetime:
    """The moment that many seconds after now."""
    return now + timedelta(seconds=seconds)
