"""The exported JSON Schema is up to date, describes every key and agrees with the model."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from include.config.schema import SCHEMA_FILE, declaration_schema, schema_files, write_schemas
from tests.config.broken_declarations import GOOD_DECLARATION


def test_the_schema_files_are_up_to_date() -> None:
    for path, text in schema_files().items():
        assert path.read_text(encoding="utf-8") == text, "run: python -m include.config.schema"


def test_every_shipped_declaration_names_the_schema_in_its_first_line() -> None:
    declared = sorted(SCHEMA_FILE.parent.glob("*/project.yaml"))
    assert declared
    for path in declared:
        first, *_ = path.read_text(encoding="utf-8").splitlines()
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found and (path.parent / found[1]).resolve() == SCHEMA_FILE, path


def test_the_schema_is_written_as_it_is_compared(tmp_path: Any) -> None:
    write_schemas(tmp_path / "schema.json", tmp_path)

    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == declaration_schema()


def test_every_key_is_described_and_the_identity_is_no_key() -> None:
    schema = declaration_schema()
    definitions = [schema, *schema["$defs"].values()]

    assert {"name", "folder"}.isdisjoint(schema["properties"]) and {"name", "folder"}.isdisjoint(schema["required"])
    for definition in definitions:
        assert definition["description"]
        assert definition["additionalProperties"] is False
        assert [key for key, declared in definition["properties"].items() if not declared.get("description")] == []


def test_the_good_declaration_is_valid_by_the_schema() -> None:
    # editors read dates as text, as JSON does
    declared = json.loads(json.dumps(yaml.safe_load(GOOD_DECLARATION), default=str))

    jsonschema.Draft202012Validator(declaration_schema()).validate(declared)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("window", "day"), 3, "Additional properties are not allowed ('day' was unexpected)"),
        (("window", "days"), 2, "2 is less than the minimum of 3"),
        (("metrics", "primary"), "auc", "'auc' is not one of"),
        (("problem",), "multiclass", "'binary' was expected"),
    ],
)
def test_an_editor_sees_the_error(path: tuple[str, ...], value: object, message: str) -> None:
    declared = json.loads(json.dumps(yaml.safe_load(GOOD_DECLARATION), default=str))
    inner = declared
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value

    errors = [error.message for error in jsonschema.Draft202012Validator(declaration_schema()).iter_errors(declared)]

    assert [error for error in errors if message in error]
