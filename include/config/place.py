"""Find where pydantic's locations are in the schema: they hold tags of unions that no user has written."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from include.config.findings import KeyPath

WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


@dataclass(frozen=True)
class Place:
    """Hold the path as the user wrote it and the type declared there (None: no such key in the schema)."""

    path: KeyPath
    annotation: Any

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the allowed words, when the type is a choice between words."""
        if get_origin(self.annotation) is Literal:
            return tuple(str(choice) for choice in get_args(self.annotation))
        return ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the model at this place that a user may write."""
        if not _is_model(self.annotation):
            return ()
        fields = self.annotation.model_fields
        # a project's identity is its folder: neither key is written in its file
        return tuple(key for key in fields if "folder" not in fields or key not in ("name", "folder"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the values of `kind` between which the union at this place is chosen."""
        return tuple(_kind_of(member) for member in _members(self.annotation) if _is_model(member))

    @property
    def words(self) -> str:
        """Return the types that are accepted, in words."""
        return ", ".join(WORDS[member] for member in _members(self.annotation) if member in WORDS)


def place_of(root: type[BaseModel], loc: KeyPath) -> Place:
    """Follow a pydantic location from `root`.

    Args:
        root: The model that was validated.
        loc: pydantic's `loc`: keys and indexes, and in between the tags of unions, which are left out of the result.
    """
    annotation: Any = root
    path: list[str | int] = []
    for part in loc:
        members = _members(annotation)
        if len(members) > 1:
            tagged = [member for member in members if _is_model(member) and _kind_of(member) == part]
            annotation = tagged[0] if tagged else annotation
            continue
        if part == "[key]":
            return Place(tuple(path), str)
        annotation = _inside(members[0] if members else None, part)
        path.append(part)
    members = _members(annotation)
    return Place(tuple(path), members[0] if len(members) == 1 else annotation)


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _members(annotation: Any) -> list[Any]:
    bare = _bare(annotation)
    if get_origin(bare) in (typing.Union, types.UnionType):
        return [_bare(member) for member in get_args(bare) if member is not type(None)]
    return [bare]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _kind_of(model: type[BaseModel]) -> str:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else ""


def _inside(annotation: Any, part: str | int) -> Any:
    if _is_model(annotation):
        return typing.get_type_hints(annotation, include_extras=True).get(str(part))
    inner = get_args(annotation)
    if get_origin(annotation) is dict:
        return inner[1]
    return inner[0] if get_origin(annotation) in (tuple, list) else None
