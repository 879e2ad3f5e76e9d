"""List declarations in which keys contradict each other, or what they name."""

from __future__ import annotations

from tests.config.good_declaration import Broken

BROKEN_RELATIONS: tuple[Broken, ...] = (
    Broken(
        "path_placeholder",
        "flights/{date}.parquet",
        "flights/{date}/{hour}.parquet",
        (
            "path_placeholder/project.yaml:12: source.tables.flights.path: unknown placeholder in the path; got: landing/flights/{date}/{hour}.parquet; allowed: {date}, {previous_date}",
        ),
    ),
    Broken(
        "path_outside",
        "path: landing/planes.csv",
        "path: landing/../planes.csv",
        (
            "path_outside/project.yaml:14: source.tables.planes.path: the path may not hold '..', '.' or an empty part; got: landing/../planes.csv; hint: paths are below the store",
        ),
    ),
    Broken(
        "path_undated",
        "flights/{date}.parquet",
        "flights/{previous_date}.parquet",
        (
            "path_undated/project.yaml:10: source.tables: no required table has {date} in its path, so no day would have data of its own; got: flights, planes; hint: put {date} in the path of the table that holds the examples",
        ),
    ),
    Broken(
        "path_twice",
        "path: landing/planes.csv",
        "path: landing/flights/{date}.parquet",
        (
            "path_twice/project.yaml:14: source.tables.planes.path: table 'flights' has the same path; got: landing/flights/{date}.parquet",
        ),
    ),
    Broken(
        "query_for_no_day",
        "  kind: files\n  tables:\n    flights:\n      path: landing/flights/{date}.parquet\n    planes:\n      path: landing/planes.csv\n      required: false",
        "  kind: sql\n  connection: warehouse\n  query: select * from flights where day = '2013-01-01'::date and dest = :dest",
        (
            "query_for_no_day/project.yaml:11: source.query: the query must select one day by the parameter :date; got: select * from flights where day = '2013-01-01'::date and ...; hint: put 'where <day column> = :date' into it",
            "query_for_no_day/project.yaml:11: source.query: the query has an unknown parameter; got: :dest; allowed: :date",
        ),
    ),
    Broken(
        "target_rule",
        "  greater_than: 15",
        "  greater_than: 15\n  equals: 1",
        ("target_rule/project.yaml:17: target: exactly one of greater_than and equals is needed; got: both",),
    ),
    Broken(
        "target_as_feature",
        "numeric: [distance, dep_hour]",
        "numeric: [distance, late]",
        (
            "target_as_feature/project.yaml:28: features.numeric[1]: the target may not be a feature; got: late; hint: that is a leak: remove it",
        ),
    ),
    Broken(
        "target_column_as_feature",
        "numeric: [distance, dep_hour]",
        "numeric: [distance, arr_delay]",
        (
            "target_column_as_feature/project.yaml:28: features.numeric[1]: the target's column may not be a feature; got: arr_delay; hint: that is a leak: remove it",
            "target_column_as_feature/project.yaml:28: features.numeric[1]: not known when the prediction is made, so no feature; got: arr_delay; hint: that is a leak: remove it from features",
        ),
    ),
    Broken(
        "leak",
        "numeric: [distance, dep_hour]",
        "numeric: [distance, dep_time]",
        (
            "leak/project.yaml:28: features.numeric[1]: not known when the prediction is made, so no feature; got: dep_time; hint: that is a leak: remove it from features",
        ),
    ),
    Broken(
        "pii_as_feature",
        "categorical: [carrier, origin]",
        "categorical: [carrier, passenger]",
        (
            "pii_as_feature/project.yaml:29: features.categorical[1]: personal data (pii) may not be a feature; got: passenger; hint: derive something that names nobody",
        ),
    ),
    Broken(
        "key_as_feature",
        "categorical: [carrier, origin]",
        "categorical: [carrier, flight_id]",
        (
            "key_as_feature/project.yaml:29: features.categorical[1]: a key may not be a feature; got: flight_id; hint: a model would learn rows by heart; copy it to a column of another name if its value means something",
        ),
    ),
    Broken(
        "feature_twice",
        "categorical: [carrier, origin]",
        "categorical: [carrier, distance]",
        (
            "feature_twice/project.yaml:29: features.categorical[1]: the feature is named twice; got: distance; hint: keep one",
        ),
    ),
    Broken(
        "features_none",
        "  numeric: [distance, dep_hour]\n  categorical: [carrier, origin]",
        "  numeric: []",
        ("features_none/project.yaml:27: features: at least one feature is needed; got: none",),
    ),
    Broken(
        "target_as_key",
        "keys: [flight_id]",
        "keys: [flight_id, arr_delay]",
        (
            "target_as_key/project.yaml:16: keys[1]: the target may not be a key; got: arr_delay; hint: name what identifies a row",
        ),
    ),
    Broken(
        "protected_as_pii",
        "pii: [passenger]",
        "pii: [passenger, age_band]",
        (
            "protected_as_pii/project.yaml:31: protected[0]: a protected column may not be pii: pii is dropped, and groups could not be compared; got: age_band; hint: keep it in one of the two",
        ),
    ),
    Broken(
        "column_twice",
        "pii: [passenger]",
        "pii: [passenger, passenger]",
        (
            "column_twice/project.yaml:32: pii[1]: the column is named twice; got: passenger; hint: named 2 times; keep one",
        ),
    ),
    Broken(
        "holdout_too_long",
        "  holdout_days: 7",
        "  holdout_days: 15",
        (
            "holdout_too_long/project.yaml:24: window.holdout_days: must be at most half of window.days (28); got: 15; allowed: 1 to 14",
        ),
    ),
    Broken(
        "folds_too_many",
        "  days: 28\n  holdout_days: 7",
        "  days: 4\n  holdout_days: 2",
        (
            "folds_too_many/project.yaml:45: cross_validation.folds: too many folds in time for 2 train days (window.days less window.holdout_days); got: 3; allowed: at most 1",
        ),
    ),
    Broken(
        "day_excluded_twice",
        "[2013-12-31]",
        "[2013-12-31, 2013-12-31]",
        (
            "day_excluded_twice/project.yaml:26: window.excluded[1]: the day is excluded twice; got: 2013-12-31; hint: named 2 times; keep one",
        ),
    ),
    Broken(
        "schedule_six_fields",
        '"0 3 * * *"',
        '"0 0 3 * * *"',
        (
            "schedule_six_fields/project.yaml:6: schedule: not a schedule; got: '0 0 3 * * *'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday)",
        ),
    ),
    Broken(
        "schedule_preset",
        '"0 3 * * *"',
        '"@dayly"',
        (
            "schedule_preset/project.yaml:6: schedule: not a schedule; got: '@dayly'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday); hint: Did you mean '@daily'?",
        ),
    ),
    Broken(
        "schedule_hourly",
        '"0 3 * * *"',
        '"0 * * * *"',
        (
            "schedule_hourly/project.yaml:6: schedule: fires more than once a day, but a run is about one day; got: '0 * * * *'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday)",
        ),
    ),
    Broken(
        "schedule_never",
        '"0 3 * * *"',
        '"0 3 31 2 *"',
        (
            "schedule_never/project.yaml:6: schedule: never fires: no month has that day; got: '0 3 31 2 *'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday)",
        ),
    ),
    Broken(
        "schedule_sexagesimal",
        '"0 3 * * *"',
        "3:00",
        (
            'schedule_sexagesimal/project.yaml:6: schedule: text is needed; got: 3:00; hint: YAML reads 3:00 as a number; for text write "3:00"',
        ),
    ),
    Broken(
        "scoring_hourly",
        "promotion:\n",
        'scoring: {schedule: "0 * * * *"}\npromotion:\n',
        (
            "scoring_hourly/project.yaml:58: scoring.schedule: fires more than once a day, but a run is about one day; got: '0 * * * *'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday)",
        ),
    ),
    Broken(
        "scoring_preset",
        "promotion:\n",
        'scoring: {schedule: "@dayly"}\npromotion:\n',
        (
            "scoring_preset/project.yaml:58: scoring.schedule: not a schedule; got: '@dayly'; allowed: @daily, @monthly, @quarterly, @weekly, @yearly, five fields like '0 2 * * *' (minute hour day month weekday); hint: Did you mean '@daily'?",
        ),
    ),
    Broken(
        "scoring_key",
        "keys: [flight_id]",
        'scoring: {schedule: "@daily"}\nkeys: [flight_id, score]',
        (
            "scoring_key/project.yaml:17: keys[1]: scoring writes a column of that name beside the keys; got: score; hint: give it another name in source.query or assemble()",
        ),
    ),
    Broken(
        "candidate_twice",
        "  - name: trees",
        "  - name: linear",
        (
            "candidate_twice/project.yaml:37: candidates[1].name: another candidate has this name; got: linear; hint: candidates[0] has that name: choose another",
        ),
    ),
    Broken(
        "param_unknown",
        "params: {C: 1.0}",
        "params: {c: 1.0}",
        (
            "param_unknown/project.yaml:36: candidates[0].params.c: logistic_regression has no such parameter; got: c; allowed: C, class_weight, l1_ratio, max_iter",
        ),
    ),
    Broken(
        "param_of_another",
        "params: {C: 1.0}",
        "params: {max_depth: 3}",
        (
            "param_of_another/project.yaml:36: candidates[0].params.max_depth: logistic_regression has no such parameter; got: max_depth; allowed: C, class_weight, l1_ratio, max_iter",
        ),
    ),
    Broken(
        "param_out_of_range",
        "params: {C: 1.0}",
        "params: {C: 0}",
        ("param_out_of_range/project.yaml:36: candidates[0].params.C: must be a number, above 0; got: 0",),
    ),
    Broken(
        "search_unknown",
        "        learning_rate: [0.05, 0.1]",
        "        learning_rat: [0.05, 0.1]",
        (
            "search_unknown/project.yaml:43: candidates[1].search.space.learning_rat: xgboost has no such parameter; got: learning_rat; allowed: colsample_bytree, gamma, learning_rate, max_bin, max_depth, min_child_weight, n_estimators, reg_alpha, reg_lambda, subsample; hint: Did you mean 'learning_rate'?",
        ),
    ),
    Broken(
        "search_out_of_range",
        "learning_rate: [0.05, 0.1]",
        "learning_rate: [0.05, 5]",
        (
            "search_out_of_range/project.yaml:43: candidates[1].search.space.learning_rate[1]: must be a number, above 0, at most 1; got: 5",
        ),
    ),
    Broken(
        "search_empty",
        "learning_rate: [0.05, 0.1]",
        "learning_rate: []",
        (
            "search_empty/project.yaml:43: candidates[1].search.space.learning_rate: at least one value to try is needed; got: []",
        ),
    ),
    Broken(
        "search_and_fixed",
        "    estimator: xgboost\n",
        "    estimator: xgboost\n    params: {max_depth: 3}\n",
        (
            "search_and_fixed/project.yaml:43: candidates[1].search.space.max_depth: both fixed in params and searched; got: [3, 6]; hint: keep it in one of the two",
        ),
    ),
    Broken(
        "metric_repeated",
        "also: [log_loss, brier_score]",
        "also: [log_loss, roc_auc]",
        (
            "metric_repeated/project.yaml:48: metrics.also[1]: the primary metric is repeated; got: roc_auc; hint: it is reported anyway: remove it here",
        ),
    ),
    Broken(
        "gate_twice",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: roc_auc\n    value: 0.6",
        (
            "gate_twice/project.yaml:53: gates[1]: the gate is declared twice; got: minimum of roc_auc; hint: keep it or gates[0], the stricter one",
        ),
    ),
    Broken(
        "gate_rivals",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: roc_auc\n    value: 0.7",
        (
            "gate_rivals/project.yaml:53: gates[1]: another gate of this kind looks at this metric; got: minimum of roc_auc; hint: keep it or gates[0], the stricter one",
        ),
    ),
    Broken(
        "gate_upside_down",
        "  - kind: beats_baseline\n    metric: log_loss",
        "  - kind: minimum\n    metric: log_loss\n    value: 0.7",
        (
            "gate_upside_down/project.yaml:53: gates[1].kind: a minimum of log_loss demands a bad model: lower is better; got: minimum; hint: did you mean 'maximum'?",
        ),
    ),
    Broken(
        "gate_in_percent",
        "    value: 0.6",
        "    value: 60",
        (
            "gate_in_percent/project.yaml:52: gates[0].value: roc_auc is between 0 and 1; got: 60; hint: write 60 % as 0.6",
            "gate_in_percent/project.yaml:57: gates[2].above: no model can pass: gates[0] demands roc_auc 60; got: 0.85; hint: the alarm must be above that",
        ),
    ),
    Broken(
        "gates_contradict",
        "    above: 0.85",
        "    above: 0.55",
        (
            "gates_contradict/project.yaml:57: gates[2].above: no model can pass: gates[0] demands roc_auc 0.6; got: 0.55; hint: the alarm must be above that",
        ),
    ),
    Broken(
        "keep_too_short",
        "promotion:\n  mode: automatic",
        "keep: {raw_days: 31, features_days: 28, versions: 2}",
        (
            "keep_too_short/project.yaml:58: keep.raw_days: a night reads raw data of window.days, window.lookback_days and window.label_delay_days before its day; got: 31; allowed: at least 32; hint: every night would prepare again what retention removed",
            "keep_too_short/project.yaml:58: keep.features_days: a night reads features of window.days and window.label_delay_days before its day; got: 28; allowed: at least 29; hint: every night would prepare again what retention removed",
        ),
    ),
    Broken(
        "keep_for_a_long_window",
        "  days: 28\n",
        "  days: 730\n",
        (
            "keep_for_a_long_window/project.yaml: keep.raw_days: a night reads raw data of window.days, window.lookback_days and window.label_delay_days before its day; got: 730; allowed: at least 734; hint: every night would prepare again what retention removed",
            "keep_for_a_long_window/project.yaml: keep.features_days: a night reads features of window.days and window.label_delay_days before its day; got: 730; allowed: at least 731; hint: every night would prepare again what retention removed",
        ),
    ),
    Broken(
        "keep_one_version",
        "promotion:\n  mode: automatic",
        "keep: {versions: 1, days: 3}",
        (
            "keep_one_version/project.yaml:58: keep.versions: must be at least 2; got: 1",
            "keep_one_version/project.yaml:58: keep.days: unknown key; got: days; allowed: features_days, raw_days, versions; hint: Did you mean 'raw_days'?",
        ),
    ),
    Broken(
        "approval_that_nobody_gives",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: automatic\n  approval: {on_timeout: promote}",
        (
            'approval_that_nobody_gives/project.yaml:60: promotion.approval: nobody is asked in mode automatic; got: {"on_timeout": "promote"}; hint: write \'mode: approval\' to have a person asked, or remove it',
        ),
    ),
    Broken(
        "approval_for_years",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: approval\n  approval: {timeout_hours: 9000, on_timeout: reject}",
        (
            "approval_for_years/project.yaml:60: promotion.approval.timeout_hours: must be at most 720.0; got: 9000",
            "approval_for_years/project.yaml:60: promotion.approval.on_timeout: not one of the allowed values; got: reject; allowed: hold, promote",
        ),
    ),
    Broken(
        "approval_in_no_time",
        "promotion:\n  mode: automatic",
        "promotion:\n  mode: approval\n  approval: {timeout_hours: 0, timeout_minutes: 5}",
        (
            "approval_in_no_time/project.yaml:60: promotion.approval.timeout_hours: must be at least 0.01; got: 0",
            "approval_in_no_time/project.yaml:60: promotion.approval.timeout_minutes: unknown key; got: timeout_minutes; allowed: on_timeout, timeout_hours; hint: Did you mean 'timeout_hours'?",
        ),
    ),
)
