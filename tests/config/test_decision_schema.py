"""The published schemas of decisions and explanations are up to date, and hold for what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from include.config.schema import DRAFT, RECORDS, record_schema, write_schemas
from include.domain.explanation import Explanation
from include.domain.results import Receipt, Verdict
from include.io.manifests import to_json
from tests.reports.decisions import OTHER, decision
from tests.reports.evidence import ALL_GATES, FULL
from tests.reports.explanations import explanation

VERDICTS: list[Verdict] = ["PROMOTE", "HOLD", "REJECT"]


def validate(name: str, record: Any) -> None:
    """Validate a record as it is read from its file, formats included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(record_schema(name), format_checker=checker).validate(record)


def written(record: Receipt) -> Any:
    """Return a record as it stands in its file."""
    return json.loads(to_json(record))


@pytest.mark.parametrize("name", RECORDS)
def test_the_schema_is_one_closed_and_described(name: str, tmp_path: Path) -> None:
    write_schemas(tmp_path / "project.schema.json", tmp_path)
    schema = json.loads((tmp_path / f"{name}.schema.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["$schema"], schema["$id"]) == (DRAFT, f"urn:nightshift:{name}")
    for definition in [schema, *schema["$defs"].values()]:
        assert definition["description"]
        assert definition["additionalProperties"] is False


def test_texts_of_several_lines_and_of_several_names_are_whole() -> None:
    importance = record_schema("explanation")["$defs"]["Importance"]["properties"]

    assert importance["champion"]["description"] == importance["challenger"]["description"]
    assert importance["champion"]["description"].endswith("or where there is no champion.")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_decisions_are_valid(verdict: Verdict) -> None:
    validate("decision", written(decision(verdict=verdict)))
    validate("decision", written(decision(verdict=verdict, measurements=FULL, gates=ALL_GATES, others=(OTHER,))))
    validate("decision", written(decision(verdict=verdict, champion=None)))


def test_explanations_are_valid() -> None:
    validate("explanation", written(explanation()))
    validate("explanation", written(Explanation()))


def test_a_record_from_before_something_was_measured_is_valid() -> None:
    old = written(decision())
    for later in ("measurements", "holdout_data", "ledger_length"):
        del old[later]

    validate("decision", old)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("verdict",), "MAYBE", "'MAYBE' is not one of"),
        (("holdout", "first"), "2013-13-01", "'2013-13-01' is not a 'date'"),
        (("holdout_rows",), None, "None is not of type 'integer'"),
        (("gates", 0, "passed"), "yes", "'yes' is not of type 'boolean'"),
        (("measurements", "points", "challenger", "surprise"), 1, "'surprise' was unexpected"),
    ],
)
def test_a_reader_sees_what_is_wrong(path: tuple[str | int, ...], value: object, message: str) -> None:
    record = written(decision(measurements=FULL))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value

    with pytest.raises(jsonschema.ValidationError) as caught:
        validate("decision", record)
    assert message in caught.value.message
