"""List project folders whose files are wrong: the YAML as such, the code, the README."""

from __future__ import annotations

from tests.config.good_declaration import GOOD_DECLARATION, Broken

BROKEN_FILES: tuple[Broken, ...] = (
    Broken(
        "key_declared_twice",
        "problem: binary",
        "problem: binary\nproblem: binary",
        (
            "key_declared_twice/project.yaml:6: problem: the key is declared twice; got: lines 5 and 6; hint: keep one of them",
        ),
    ),
    Broken(
        "key_not_text",
        "tags: [travel]",
        "tags: [travel]\nno: thing",
        ('key_not_text/project.yaml:8: YAML does not read this key as text; got: no; hint: put it in quotes: "no":',),
    ),
    Broken(
        "key_is_a_date",
        "params: {C: 1.0}",
        "params: {2013-01-01: 1.0}",
        (
            'key_is_a_date/project.yaml:36: candidates[0].params: YAML does not read this key as text; got: 2013-01-01; hint: put it in quotes: "2013-01-01":',
        ),
    ),
    Broken(
        "name_declared_empty",
        "problem: binary",
        "problem: binary\nname:",
        (
            "name_declared_empty/project.yaml:6: name: the folder is the identity; this key may not be declared; got: nothing; hint: remove 'name:'",
        ),
    ),
    Broken(
        "number_too_large",
        "    above: 0.85",
        "    above: 1e999",
        ("number_too_large/project.yaml:57: gates[2].above: a number is needed; got: 1e999",),
    ),
    Broken(
        "alias",
        "pii: [passenger]",
        "pii: &people [passenger]\ntags_again: *people",
        (
            "alias/project.yaml:33: aliases are not supported; got: *people; hint: write the value out: a declaration is read as it stands",
        ),
    ),
    Broken(
        "yaml_broken",
        "description: Which flights arrive late",
        "description: late: flights",
        (
            "yaml_broken/project.yaml:4: not valid YAML; got: mapping values are not allowed in this context; hint: put text that holds ': ' or starts with a sign in quotes; indent with spaces, never tabs",
        ),
    ),
    Broken(
        "yaml_is_a_list",
        GOOD_DECLARATION,
        "- owner\n",
        ("yaml_is_a_list/project.yaml: a mapping of keys is needed; got: a list; hint: start with 'owner:'",),
    ),
    Broken(
        "yaml_empty",
        GOOD_DECLARATION,
        "# nothing yet\n",
        ("yaml_empty/project.yaml: a mapping of keys is needed; got: an empty file; hint: start with 'owner:'",),
    ),
    Broken(
        "name_declared",
        "problem: binary",
        "problem: binary\nname: flights",
        (
            "name_declared/project.yaml:6: name: the folder is the identity; this key may not be declared; got: flights; hint: remove 'name:'",
        ),
    ),
    Broken(
        "many_at_once",
        "  days: 28\n  holdout_days: 7\n  lookback_days: 3\n  excluded: [2013-12-31]\nfeatures:\n  numeric: [distance, dep_hour]",
        "  days: many\n  holdout_days: 7\n  lookback: 3\nfeatures:\n  numeric: [distance, arr_delay]",
        (
            "many_at_once/project.yaml:23: window.days: a whole number is needed; got: many",
            "many_at_once/project.yaml:25: window.lookback: unknown key; got: lookback; allowed: days, excluded, holdout_days, label_delay_days, lookback_days; hint: Did you mean 'lookback_days'?",
            "many_at_once/project.yaml:27: features.numeric[1]: the target's column may not be a feature; got: arr_delay; hint: that is a leak: remove it",
            "many_at_once/project.yaml:27: features.numeric[1]: not known when the prediction is made, so no feature; got: arr_delay; hint: that is a leak: remove it from features",
        ),
    ),
    Broken(
        "code_missing_function",
        "def build_features",
        "def make_features",
        (
            "code_missing_function/features.py: defines no function build_features; got: make_features; allowed: build_features(raw, history); hint: Did you mean 'make_features'?",
        ),
        file="features.py",
    ),
    Broken(
        "code_arguments",
        "build_features(raw, history)",
        "build_features(raw)",
        (
            "code_arguments/features.py:1: build_features must take 2 positional arguments; got: build_features(raw); allowed: build_features(raw, history)",
        ),
        file="features.py",
    ),
    Broken(
        "code_not_python",
        "def build_suite():",
        "def build_suite()",
        ("code_not_python/expectations.py:1: not valid Python; got: expected ':'",),
        file="expectations.py",
    ),
    Broken(
        "code_imports_pipeline",
        "def build_suite():",
        "from include.io import keys\ndef build_suite():",
        (
            "code_imports_pipeline/expectations.py:1: imports a part of the pipeline; got: include.io; allowed: include.config; hint: a project's own code stands alone, so that it can be read, tested and moved alone",
        ),
        file="expectations.py",
    ),
    Broken(
        "readme_empty",
        "# Late flights\n",
        "\n",
        ("readme_empty/README.md: the file is empty; hint: say what is predicted, for whom, from which data",),
        file="README.md",
    ),
)
