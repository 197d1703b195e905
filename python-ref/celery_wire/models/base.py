"""What all models share: strictness, and the JSON Schema types that pydantic reads differently.

Rules: a model takes exactly what its schema in spec/schemas accepts and refuses what that refuses; a property test
holds them together in both directions. So nothing is coerced: "1" is no integer and true is no number, but 1.0 is
an integer, as JSON Schema says. Times stay text. Unknown fields are kept. A field that was missing has its
default and is absent from `model_fields_set`; one that may be missing but not null says `present`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class Document(BaseModel):
    """An object on the wire; unknown keys are kept in `model_extra`."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    def to_wire(self) -> dict[str, Any]:
        """The object under its wire names, without keys that were not given; arrays of fixed length are tuples."""
        return self.model_dump(mode="python", by_alias=True, exclude_unset=True)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _present(value: object) -> object:
    if value is None:
        raise ValueError("expected a value or no such key, got null")
    return value


def _listed(value: object) -> object:
    """A JSON array as the tuple that a strict model wants; a tuple has come from no JSON text."""
    if not isinstance(value, list):
        raise ValueError(f"expected an array, got {type(value).__name__}")  # noqa: TRY004 - pydantic wants it
    return tuple(value)


#: A number without a fraction, 1.0 included.
Integer = Annotated[int, BeforeValidator(_whole)]
#: For a field that may be missing but not null: put it beside the type and give the default None.
present = BeforeValidator(_present)
#: For an array of fixed length: put it beside a tuple type.
listed = BeforeValidator(_listed)

Identifier = Annotated[str, StringConstraints(min_length=1)]
ContentType = Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
Timestamp = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
        r"(Z|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])?)?$"
    ),
]
#: One of 1 and 2, and nothing that merely equals them by Python's rules.
DeliveryMode = Annotated[Integer, Field(ge=1, le=2)]

OptionalText = Annotated[str | None, present]
OptionalInteger = Annotated[Integer | None, present]
