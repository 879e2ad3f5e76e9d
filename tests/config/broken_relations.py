"""List declarations in which keys contradict each other, or what they name."""

from __future__ import annotations

from tests.config.good_declaration import Broken

BROKEN_RELATIONS: tuple[Broken, ...] = (
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
        "comma_with_two_meanings",
        "      path: landing/planes.csv",
        "      path: landing/planes.csv\n      csv: {decimal: ','}",
        (
            "comma_with_two_meanings/project.yaml:15: source.tables.planes.csv.decimal: a comma cannot be both the delimiter and the decimal sign; got: ','; hint: declare the file's real delimiter, such as ';'",
        ),
    ),
    Broken(
        "csv_of_a_parquet_file",
        "      path: landing/flights/{date}.parquet",
        "      path: landing/flights/{date}.parquet\n      csv: {delimiter: ;}",
        (
            "csv_of_a_parquet_file/project.yaml:13: source.tables.flights.csv: only a .csv file is written in a way of its own; got: landing/flights/{date}.parquet; hint: remove 'csv:'",
        ),
    ),
)
