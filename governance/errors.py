"""What may be said to a person when something is refused.

A message is an English sentence with named places (``"no person is called {name}"``) and its values apart, so that
the portal can translate the sentence and then fill it in (``portal.translation``).
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """Something was asked for that cannot be had; ``str()`` is a sentence fit to show the person."""

    def __init__(self, message: str, /, **values: object) -> None:
        self.message = message
        self.values = values
        super().__init__(message.format(**values))

    def as_json(self) -> dict[str, Any]:
        """For a row: the sentence and its values, so that each reader gets it in their own language."""
        return {"message": self.message, "values": {name: str(value) for name, value in self.values.items()}}

    @classmethod
    def of_json(cls, row: dict[str, Any]) -> Refused:
        """What `as_json` kept."""
        return cls(row["message"], **row["values"])


class Invalid(Refused):
    """What was given cannot be used as it is; the message says what to change."""


class NotFound(Refused):
    """There is no such thing, or none that this person may know of."""


class NotAllowed(Refused):
    """The thing exists and this person may not do that with it; the message says why and what to do."""


class Unavailable(Refused):
    """It would be allowed but a part of the installation does not answer now."""


STATUS: dict[type[Exception], int] = {Invalid: 400, NotAllowed: 403, NotFound: 404, Unavailable: 503}
"""How each is answered over HTTP."""
