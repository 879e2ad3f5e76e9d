"""Export the declaration as JSON Schema, for editors; `python -m include.config.schema` writes the file.

An editor that knows the YAML language server's convention uses it by this first line of a `project.yaml`:
`# yaml-language-server: $schema=../project.schema.json`.
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

SCHEMA_FILE = ROOT / "include" / "projects" / "project.schema.json"
_ATTRIBUTE = re.compile(r"^ {4}(?P<names>[a-z0-9_, ]+): (?P<text>.+)$")


def declaration_schema() -> dict[str, Any]:
    """Return the JSON Schema of `project.yaml`, every key described by the docstring of its class."""
    schema = project.Project.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Nightshift project"
    for key in ("name", "folder"):
        del schema["properties"][key]
        schema["required"].remove(key)
    _describe(schema, project.Project)
    models = {model.__name__: model for module in (gates, sections, project, source) for model in _models(module)}
    for name, definition in schema["$defs"].items():
        _describe(definition, models[name])
    return schema


def _models(module: Any) -> list[type[BaseModel]]:
    return [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, BaseModel)]


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    definition["description"] = (inspect.getdoc(model) or "").partition("\n")[0]
    # what a class inherits is described there
    described: dict[str, str] = {}
    for base in reversed(model.__mro__):
        described |= _attributes(inspect.cleandoc(base.__doc__ or ""))
    for key, declared in definition.get("properties", {}).items():
        declared["description"] = described[key]


def _attributes(documented: str) -> dict[str, str]:
    """Return the texts of a docstring's `Attributes:`; an attribute's text stands on one line."""
    found: dict[str, str] = {}
    for line in documented.partition("Attributes:\n")[2].splitlines():
        match = _ATTRIBUTE.match(line)
        if match:
            found |= {name.strip(): match["text"] for name in match["names"].split(",")}
    return found


def schema_text() -> str:
    """Return the text of the schema file."""
    return json.dumps(declaration_schema(), indent=2, ensure_ascii=False) + "\n"


def write_schema(path: Path = SCHEMA_FILE) -> None:
    """Write the schema file."""
    path.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    write_schema()
