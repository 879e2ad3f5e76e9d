"""List declarations in which one key is wrong by itself."""

from __future__ import annotations

from tests.config.good_declaration import Broken

BROKEN_KEYS: tuple[Broken, ...] = (
    Broken(
        "key_unknown",
        "  holdout_days: 7",
        "  holdout_day: 7",
        (
            "key_unknown/project.yaml:21: window.holdout_days: the key is missing",
            "key_unknown/project.yaml:24: window.holdout_day: unknown key; got: holdout_day; allowed: days, excluded, holdout_days, label_delay_days, lookback_days; hint: Did you mean 'holdout_days'?",
        ),
    ),
    Broken(
        "key_unknown_at_top",
        "protected: [age_band]",
        "protectd: [age_band]",
        (
            "key_unknown_at_top/project.yaml:31: protectd: unknown key; got: protectd; allowed: candidates, cross_validation, description, display, features, gates, keep, keys, metrics, owner (+18 more); hint: Did you mean 'protected'?",
        ),
    ),
    Broken(
        "key_missing",
        "  days: 28\n",
        "",
        ("key_missing/project.yaml:21: window.days: the key is missing",),
    ),
    Broken(
        "section_missing",
        "owner:\n  name: Airport desk\n  email: desk@example.org\n",
        "",
        ("section_missing/project.yaml: owner: the key is missing",),
    ),
    Broken(
        "choice_unknown",
        "    estimator: xgboost",
        "    estimator: xgbost",
        (
            "choice_unknown/project.yaml:38: candidates[1].estimator: not one of the allowed values; got: xgbost; allowed: dummy, extra_trees, hist_gradient_boosting, linear_svm, logistic_regression, naive_bayes, nearest_neighbours, random_forest, xgboost; hint: Did you mean 'xgboost'?",
        ),
    ),
    Broken(
        "problem_unknown",
        "problem: binary",
        "problem: multiclass",
        ("problem_unknown/project.yaml:5: problem: not one of the allowed values; got: multiclass; allowed: binary",),
    ),
    Broken(
        "metric_unknown",
        "primary: roc_auc",
        "primary: auc_roc",
        (
            "metric_unknown/project.yaml:47: metrics.primary: not one of the allowed values; got: auc_roc; allowed: accuracy, average_precision, balanced_accuracy, brier_score, f1, log_loss, matthews_corrcoef, precision, recall, roc_auc",
        ),
    ),
    Broken(
        "gate_kind_unknown",
        "kind: leak_alarm",
        "kind: leak_alert",
        (
            "gate_kind_unknown/project.yaml:55: gates[2].kind: not one of the allowed values; got: leak_alert; allowed: beats_baseline, behaviour, better_than_champion, calibration, fairness, holdout, labels, latency, leak_alarm, leakage (+9 more); hint: Did you mean 'leak_alarm'?",
        ),
    ),
    Broken(
        "gate_kind_missing",
        "  - kind: leak_alarm\n    metric: roc_auc",
        "  - metric: roc_auc",
        (
            "gate_kind_missing/project.yaml:55: gates[2].kind: the key is missing; allowed: beats_baseline, behaviour, better_than_champion, calibration, fairness, holdout, labels, latency, leak_alarm, leakage (+9 more)",
        ),
    ),
    Broken(
        "gate_key_unknown",
        "    above: 0.85",
        "    value: 0.85",
        (
            "gate_key_unknown/project.yaml:57: gates[2].value: unknown key; got: value; "
            "allowed: above, because, kind, metric, off",
        ),
    ),
    Broken(
        "gate_not_a_mapping",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - beats_baseline",
        ("gate_not_a_mapping/project.yaml:53: gates[1]: a mapping of keys is needed; got: beats_baseline",),
    ),
    Broken(
        "source_kind_unknown",
        "kind: files",
        "kind: file",
        (
            "source_kind_unknown/project.yaml:9: source.kind: not one of the allowed values; got: file; allowed: files, sql; hint: Did you mean 'files'?",
        ),
    ),
    Broken(
        "type_of_number",
        "  days: 28",
        '  days: "28"',
        (
            "type_of_number/project.yaml:23: window.days: a whole number is needed; got: '28'; hint: write it without quotes",
        ),
    ),
    Broken(
        "type_of_fraction",
        "  days: 28",
        "  days: 28.5",
        ("type_of_fraction/project.yaml:23: window.days: a whole number is needed; got: 28.5",),
    ),
    Broken(
        "type_of_list",
        "keys: [flight_id]",
        "keys: flight_id",
        ("type_of_list/project.yaml:16: keys: a list is needed; got: flight_id",),
    ),
    Broken(
        "type_of_mapping",
        "window:\n  label_delay_days: 1\n  days: 28\n  holdout_days: 7\n  lookback_days: 3\n  excluded: [2013-12-31]",
        "window: 28 days",
        ("type_of_mapping/project.yaml:21: window: a mapping of keys is needed; got: 28 days",),
    ),
    Broken(
        "type_of_text",
        "  name: late\n",
        "  name: no\n",
        (
            'type_of_text/project.yaml:18: target.name: text is needed; got: no; hint: YAML reads no as true or false; for text write "no"',
        ),
    ),
    Broken(
        "type_of_exponent",
        "    value: 0.6",
        "    value: 6e-1",
        (
            "type_of_exponent/project.yaml:52: gates[0].value: a number is needed; got: 6e-1; hint: YAML reads 6e-1 as text; write it as 0.6",
        ),
    ),
    Broken(
        "type_of_param",
        "params: {C: 1.0}",
        "params: {C: [1.0]}",
        (
            "type_of_param/project.yaml:36: candidates[0].params.C: a number, a whole number, text, true or false is needed; got: [1.0]",
        ),
    ),
    Broken(
        "type_of_date",
        "excluded: [2013-12-31]",
        "excluded: [new year]",
        ("type_of_date/project.yaml:26: window.excluded[0]: a date like 2013-01-31 is needed; got: new year",),
    ),
    Broken(
        "number_true",
        "      trials: 4",
        "      trials: yes",
        ("number_true/project.yaml:40: candidates[1].search.trials: a whole number is needed; got: yes",),
    ),
    Broken(
        "number_nan",
        "    above: 0.85",
        "    above: .nan",
        ("number_nan/project.yaml:57: gates[2].above: must be a finite number; got: .nan",),
    ),
    Broken(
        "range_low",
        "  days: 28",
        "  days: 2",
        ("range_low/project.yaml:23: window.days: must be at least 3; got: 2",),
    ),
    Broken(
        "range_high",
        "lookback_days: 3",
        "lookback_days: 91",
        ("range_high/project.yaml:25: window.lookback_days: must be at most 90; got: 91",),
    ),
    Broken(
        "list_empty",
        "keys: [flight_id]",
        "keys: []",
        ("list_empty/project.yaml:16: keys: needs at least 1 of them; got: []",),
    ),
    Broken(
        "text_short",
        "description: Which flights arrive late",
        "description: flights",
        ("text_short/project.yaml:4: description: needs at least 10 characters; got: flights",),
    ),
    Broken(
        "email_wrong",
        "desk@example.org",
        "desk",
        ("email_wrong/project.yaml:3: owner.email: must be an e-mail address; got: desk",),
    ),
    Broken(
        "column_wrong",
        "protected: [age_band]",
        "protected: [age band]",
        (
            "column_wrong/project.yaml:31: protected[0]: must be a name of letters, digits and _, starting with a letter; got: age band",
        ),
    ),
    Broken(
        "path_absolute",
        "path: landing/planes.csv",
        "path: /landing/planes.csv",
        (
            "path_absolute/project.yaml:14: source.tables.planes.path: must be a relative path that ends in .parquet, .csv or .jsonl; got: /landing/planes.csv",
        ),
    ),
    Broken(
        "path_ending",
        "path: landing/planes.csv",
        "path: landing/planes.json",
        (
            "path_ending/project.yaml:14: source.tables.planes.path: must be a relative path that ends in .parquet, .csv or .jsonl; got: landing/planes.json",
        ),
    ),
    Broken(
        "table_name_wrong",
        "    planes:",
        "    air-planes:",
        (
            "table_name_wrong/project.yaml:13: source.tables.air-planes: must be a name of letters, digits and _, starting with a letter; got: air-planes",
        ),
    ),
)
