"""Turn what pydantic and our own checks find into five-part messages with line and key, all of them at once."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from include.config.consistency import findings_of
from include.config.project import Project
from include.config.project_folder import Written
from include.config.sections import IMAGE_PATTERN
from include.domain.base_model import KeyPath, ValidationIssue, ValidationIssuesError
from include.domain.errors import Problem, did_you_mean

WORDS: dict[object, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


@dataclass(frozen=True)
class ErrorLocation:
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


def place_of(root: type[BaseModel], loc: KeyPath) -> ErrorLocation:
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
            return ErrorLocation(tuple(path), str)
        annotation = _inside(members[0] if members else None, part)
        path.append(part)
    members = _members(annotation)
    return ErrorLocation(tuple(path), members[0] if len(members) == 1 else annotation)


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


PATTERN_WORDS: dict[str, str] = {
    r"^[a-z][a-z0-9_]*$": "must be a name of lower-case letters, digits and _, starting with a letter",
    r"^[A-Za-z][A-Za-z0-9_]*$": "must be a name of letters, digits and _, starting with a letter",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": "must be an e-mail address",
    r"^[^/].*\.(parquet|csv|jsonl)$": "must be a relative path that ends in .parquet, .csv or .jsonl",
    IMAGE_PATTERN: "must be a Docker image: [registry/]name[:tag][@sha256:digest], the name in lower case",
}
_LIMITS: dict[str, tuple[str, str]] = {
    "greater_than_equal": ("must be at least {}", "ge"),
    "greater_than": ("must be greater than {}", "gt"),
    "less_than_equal": ("must be at most {}", "le"),
    "less_than": ("must be less than {}", "lt"),
    "string_too_short": ("needs at least {} characters", "min_length"),
    "string_too_long": ("may have at most {} characters", "max_length"),
    "too_short": ("needs at least {} of them", "min_length"),
}
_FIXED: dict[str, str] = {
    "model_type": "a mapping of keys is needed",
    "model_attributes_type": "a mapping of keys is needed",
    "dict_type": "a mapping of keys is needed",
    "tuple_type": "a list is needed",
    "list_type": "a list is needed",
    "date_type": "a date like 2013-01-31 is needed",
    "date_parsing": "a date like 2013-01-31 is needed",
    "date_from_datetime_parsing": "a date like 2013-01-31 is needed",
    "date_from_datetime_inexact": "a date like 2013-01-31 is needed",
    "finite_number": "must be a finite number",
}


def validated(written: Written, name: str, folder: str) -> tuple[Project | None, list[Problem]]:
    """Validate what was written; return the project, or None and every problem.

    The values pass as JSON in strict mode: there `days: "28"` and `seed: yes` are errors, and lists are still tuples.
    """
    values = {**written.values, "name": name, "folder": folder}
    try:
        return Project.model_validate_json(json.dumps(values), strict=True), []
    except ValidationError as error:
        return None, problems_of(error, written)


def problems_of(error: ValidationError, written: Written) -> list[Problem]:
    """Return one problem for each finding, in the order of the file's keys."""
    problems: list[Problem] = []
    broken: set[str | int] = set()
    for details in error.errors(include_url=False):
        place = place_of(Project, details["loc"])
        broken.add(place.path[0] if place.path else "")
        problems += _problems(details, place, written)
    if "" not in broken:
        problems += [_of_finding(finding, (), written) for finding in findings_of(_valid_parts(written, broken))]
    return list(dict.fromkeys(problems))


def _valid_parts(written: Written, broken: set[str | int]) -> dict[str, Any]:
    """Return the parts without a problem of their own, so that checks between them still run."""
    hints = typing.get_type_hints(Project, include_extras=True)
    parts: dict[str, Any] = {
        key: field.get_default(call_default_factory=True)
        for key, field in Project.model_fields.items()
        if not field.is_required() and key not in broken
    }
    for key in written.values.keys() & hints.keys() - broken - {"name", "folder"}:
        parts[key] = TypeAdapter(hints[key]).validate_json(json.dumps(written.values[key]), strict=True)
    return parts


def _problems(details: ErrorDetails, place: ErrorLocation, written: Written) -> Iterator[Problem]:
    context = details.get("ctx", {})
    failure = context.get("error")
    if isinstance(failure, ValidationIssuesError):
        yield from (_of_finding(finding, place.path, written) for finding in failure.findings)
        return
    if _is_echo(details, place, written):
        return
    explain = _EXPLAIN.get(details["type"], _explain_other)
    yield explain(details, place, written)


def _is_echo(details: ErrorDetails, place: ErrorLocation, written: Written) -> bool:
    # pydantic calls a list too short when it is its entries that are wrong
    return details["type"] == "too_short" and len(written.value(place.path)) >= details["ctx"]["min_length"]


def _of_finding(finding: ValidationIssue, above: KeyPath, written: Written) -> Problem:
    path = (*above, *finding.path)
    got = finding.got or written.got(path)
    return Problem(written.place(path), finding.what, got, finding.allowed, finding.hint)


def _explain_missing(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    return Problem(written.place(place.path), "the key is missing", "", place.choices)


def _explain_extra(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    allowed = place_of(Project, details["loc"][:-1]).keys
    key = str(place.path[-1])
    return Problem(written.place(place.path), "unknown key", key, allowed, did_you_mean(key, allowed))


def _explain_choice(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    got = written.got(place.path)
    hint = did_you_mean(str(written.value(place.path)), place.choices)
    return Problem(written.place(place.path), "not one of the allowed values", got, place.choices, hint)


def _explain_kind(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    path = (*place.path, "kind")
    if details["type"] == "union_tag_not_found":
        return Problem(written.place(path), "the key is missing", "", place.kinds)
    hint = did_you_mean(str(details["ctx"]["tag"]), place.kinds)
    return Problem(written.place(path), "not one of the allowed values", written.got(path), place.kinds, hint)


def _explain_pattern(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    pattern = details["ctx"]["pattern"]
    is_key = details["loc"][-1] == "[key]"
    got = str(place.path[-1]) if is_key else written.got(place.path)
    words = PATTERN_WORDS.get(pattern)
    return Problem(written.place(place.path), words or "has the wrong form", got, () if words else (pattern,))


def _explain_limit(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    words, key = _LIMITS[details["type"]]
    limit = details["ctx"][key]
    return Problem(written.place(place.path), words.format(limit), written.got(place.path))


def _explain_type(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    hint = _type_hint(place, written)
    return Problem(written.place(place.path), f"{place.words} is needed", written.got(place.path), (), hint)


def _type_hint(place: ErrorLocation, written: Written) -> str:
    node = written.nodes.get(place.path)
    value = written.value(place.path)
    if not isinstance(node, yaml.ScalarNode):
        return ""
    if "text" in place.words and not isinstance(value, str):
        return (
            f"""YAML reads {node.value or "nothing"} as {_yaml_kind(value)}; for text write "{node.value}" """.rstrip()
        )
    if isinstance(value, str) and _is_number(value):
        return "write it without quotes" if node.style else f"YAML reads {value} as text; write it as {float(value)}"
    return ""


def _yaml_kind(value: object) -> str:
    kinds: Mapping[type, str] = {bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return kinds.get(type(value), "a date")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _explain_other(details: ErrorDetails, place: ErrorLocation, written: Written) -> Problem:
    what = _FIXED.get(details["type"]) or details["msg"].removeprefix("Value error, ")
    return Problem(written.place(place.path), what, written.got(place.path))


Explain = Callable[[ErrorDetails, ErrorLocation, Written], Problem]
_EXPLAIN: dict[str, Explain] = {
    "missing": _explain_missing,
    "extra_forbidden": _explain_extra,
    "literal_error": _explain_choice,
    "union_tag_invalid": _explain_kind,
    "union_tag_not_found": _explain_kind,
    "string_pattern_mismatch": _explain_pattern,
    **dict.fromkeys(_LIMITS, _explain_limit),
    **dict.fromkeys(
        ("string_type", "int_type", "int_from_float", "float_type", "bool_type", "int_parsing", "float_parsing"),
        _explain_type,
    ),
}
