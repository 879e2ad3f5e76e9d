"""Declarations whose sources and columns contradict each other, and what `./nightshift check` says of each."""

from __future__ import annotations

from tests.config.good_declaration import Broken

BROKEN_COLUMNS: tuple[Broken, ...] = (
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
        "display_of_no_number",
        "features:",
        "display: {airlin: time_of_day}\nfeatures:",
        (
            "display_of_no_number/project.yaml:27: display.airlin: no numeric feature is called so; got: airlin; allowed: dep_hour, distance; hint: only features of numbers are written in another way",
        ),
    ),
    Broken(
        "display_unknown",
        "features:",
        "display: {distance: stars}\nfeatures:",
        (
            "display_unknown/project.yaml:27: display.distance: not one of the allowed values; got: stars; allowed: money, percent, time_of_day",
        ),
    ),
)
