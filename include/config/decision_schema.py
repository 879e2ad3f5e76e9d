"""Publish the JSON Schemas of `decision.json` and `explanation.json`; `python -m include.config.decision_schema`.

They hold for every record that this version reads: a key that came later has a default, and is not required. `$id` is
the schema's own name, not an address.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from include.config.settings import ROOT
from include.domain import decision, evidence, explanation, results

FOLDER = ROOT / "docs" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECORDS: dict[str, type[BaseModel]] = {
    "decision": decision.Decision,
    "explanation": explanation.Explanation,
}
_ATTRIBUTE = re.compile(r"^ {4}(?P<names>[a-z0-9_]+(, [a-z0-9_]+)*): (?P<text>.+)$")


def record_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a record, described by the docstrings of its classes.

    Args:
        name: One of `RECORDS`.
    """
    record = RECORDS[name]
    schema = record.model_json_schema()
    _describe(schema, record)
    models = {
        model.__name__: model for module in (decision, evidence, explanation, results) for model in _models(module)
    }
    for definition, found in schema["$defs"].items():
        _describe(found, models[definition])
    return {"$schema": DRAFT, "$id": f"urn:nightshift:{name}", **schema, "title": f"Nightshift {name}"}


def _models(module: Any) -> Iterator[type[BaseModel]]:
    return (value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, BaseModel))


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    """Put the docstring's texts where a reader of the schema looks for them; a plain name needs none."""
    documented = inspect.getdoc(model) or ""
    definition["description"] = documented.partition("\n")[0]
    described = _attributes(documented)
    for key, declared in definition.get("properties", {}).items():
        if key in described:
            declared["description"] = described[key]


def _attributes(documented: str) -> dict[str, str]:
    """Return the texts of a docstring's `Attributes:`; a text may go on in the lines below, indented."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in documented.partition("Attributes:\n")[2].splitlines():
        match = _ATTRIBUTE.match(line)
        if match:
            names = match["names"].split(", ")
            found |= dict.fromkeys(names, match["text"])
        elif line.startswith(" " * 8):
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def schema_text(name: str) -> str:
    """Return the text of a record's schema file."""
    return json.dumps(record_schema(name), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path = FOLDER) -> None:
    """Write a schema file for each record."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RECORDS:
        (folder / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
