"""Publish JSON Schemas, for editors and other programs; `python -m include.config.schema` writes all of them.

An editor that knows the YAML language server's convention uses that of the declaration by this first line of a
`project.yaml`: `# yaml-language-server: $schema=../project.schema.json`. Those of `decision.json` and
`explanation.json` hold for every record that this version reads: a key that came later has a default, and is not
required. Their `$id` is the schema's own name, not an address.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from include.config import gates, project, sections, source
from include.config.settings import ROOT
from include.domain import decision, evidence, explanation, results

SCHEMA_FILE = ROOT / "include" / "projects" / "project.schema.json"
FOLDER = ROOT / "docs" / "schemas"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECORDS: dict[str, type[BaseModel]] = {
    "decision": decision.Decision,
    "explanation": explanation.Explanation,
}
_ATTRIBUTE = re.compile(r"^ {4}(?P<names>[a-z0-9_]+(, [a-z0-9_]+)*): (?P<text>.+)$")


def declaration_schema() -> dict[str, Any]:
    """Return the JSON Schema of `project.yaml`, every key described by the docstring of its class."""
    schema = project.Project.model_json_schema()
    schema["$schema"] = DRAFT
    schema["title"] = "Nightshift project"
    for key in ("name", "folder"):
        del schema["properties"][key]
        schema["required"].remove(key)
    _describe(schema, project.Project)
    models = _models(gates, sections, project, source)
    for name, definition in schema["$defs"].items():
        _describe(definition, models[name])
        undescribed = [key for key, told in definition.get("properties", {}).items() if "description" not in told]
        if undescribed:
            raise LookupError(f"{name}: its docstring says nothing of {', '.join(undescribed)}")
    return schema


def record_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a record, described by the docstrings of its classes.

    Args:
        name: One of `RECORDS`.
    """
    record = RECORDS[name]
    schema = record.model_json_schema()
    _describe(schema, record)
    models = _models(decision, evidence, explanation, results)
    for definition, found in schema["$defs"].items():
        _describe(found, models[definition])
    return {"$schema": DRAFT, "$id": f"urn:nightshift:{name}", **schema, "title": f"Nightshift {name}"}


def schema_files(declaration: Path = SCHEMA_FILE, folder: Path = FOLDER) -> dict[Path, str]:
    """Return the text of each schema file."""
    schemas = {declaration: declaration_schema()}
    schemas |= {folder / f"{name}.schema.json": record_schema(name) for name in RECORDS}
    return {path: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for path, schema in schemas.items()}


def write_schemas(declaration: Path = SCHEMA_FILE, folder: Path = FOLDER) -> None:
    """Write the schema files."""
    for path, text in schema_files(declaration, folder).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _models(*modules: Any) -> dict[str, type[BaseModel]]:
    return {
        value.__name__: value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, BaseModel)
    }


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    """Put the docstring's texts where a reader of the schema looks for them; a plain name needs none."""
    definition["description"] = (inspect.getdoc(model) or "").partition("\n")[0]
    # what a class inherits is described there
    described: dict[str, str] = {}
    for base in reversed(model.__mro__):
        described |= _attributes(inspect.cleandoc(base.__doc__ or ""))
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


if __name__ == "__main__":
    write_schemas()
