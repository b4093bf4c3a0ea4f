"""What can be wrong with a request, said in the product's own terms. Only the routes know that HTTP has numbers for it."""

from __future__ import annotations

from typing import NamedTuple


class FieldError(NamedTuple):
    field: str  # a path such as services.0.addresses.1
    message: str


class Refused(Exception):
    """Base of everything that is answered with a sentence instead of a result."""

    def __init__(self, message: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or []


class Unreadable(Refused):
    """The body is not what its Content-Type says, or not of a type that is read here."""


class Invalid(Refused):
    """The input was understood and cannot be accepted."""

    def __init__(self, *errors: FieldError, message: str = "Some fields cannot be accepted.") -> None:
        super().__init__(message, list(errors))


class NotFound(Refused):
    pass


class Conflict(Refused):
    """What is asked for does not fit the state that things are in."""


class TooMany(Refused):
    """A limit that protects others is reached."""

    def __init__(self, message: str, retry_after: int, errors: list[FieldError] | None = None) -> None:
        super().__init__(message, errors)
        self.retry_after = retry_after  # seconds
