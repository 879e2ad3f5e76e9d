"""Say where each artifact lives: every key of the store, and the names of the files and columns stages share."""

from __future__ import annotations

import re
from datetime import date

REPORT, DATA_REPORT, MODEL_CARD = "report.html", "data.html", "model_card.md"


def _day(day: date) -> str:
    return f"date={day.isoformat()}"


def _checked(snapshot: str, check: str) -> str:
    return f"snapshot={snapshot}/check={check[:16]}" if check else f"snapshot={snapshot}"


def raw_day(project: str, day: date) -> str:
    """Return the prefix of everything that was read from the source for one day."""
    return f"{project}/raw/{_day(day)}/"


def raw_manifest(project: str, day: date) -> str:
    """Return the commit mark of one day's raw snapshot; it names the snapshot that is in force."""
    return f"{project}/raw/{_day(day)}/manifest.json"


def raw_table(project: str, day: date, snapshot: str, table: str) -> str:
    """Return the key of one source table of one snapshot (the snapshot's id is a hash of its content)."""
    return f"{project}/raw/{_day(day)}/snapshot={snapshot}/{table}.parquet"


def undated_table(project: str, content: str, table: str) -> str:
    """Return the key of a source table that is no day's own: `content` is a hash of its bytes, so days share it."""
    return f"{project}/raw/content={content[:16]}/{table}.parquet"


def is_undated_table(key: str) -> bool:
    """Tell whether a key is of a source table that is no day's own."""
    return "/raw/content=" in key


def snapshot_manifest(project: str, day: date, snapshot: str) -> str:
    """Return the commit mark of one snapshot of a day, in force or not; a newer snapshot leaves it as it is."""
    return f"{project}/raw/{_day(day)}/snapshot={snapshot}/manifest.json"


def validation_manifest(project: str, day: date) -> str:
    """Return the commit mark of one day's validation; it says passed or rejected, and which rows are set aside."""
    return f"{project}/validation/{_day(day)}/manifest.json"


def validation_results(project: str, day: date, snapshot: str, check: str = "") -> str:
    """Return the key of the full Great Expectations results of one snapshot; `check` tells several of them apart."""
    return f"{project}/validation/{_day(day)}/{_checked(snapshot, check)}/results.json"


def data_docs(project: str, path: str = "index.html") -> str:
    """Return the key of a page of the project's Data Docs."""
    return f"{project}/validation/data_docs/{path}"


def rejected_rows(project: str, day: date, snapshot: str, check: str = "") -> str:
    """Return the key of the rows set aside, each with its reason; `check` tells several checks of them apart."""
    return f"{project}/rejected/{_day(day)}/{_checked(snapshot, check)}/rows.parquet"


def features_manifest(project: str, day: date) -> str:
    """Return the commit mark of one day's features."""
    return f"{project}/features/{_day(day)}/manifest.json"


def features_rows(project: str, day: date, fingerprint: str) -> str:
    """Return the key of one day's feature rows; the name holds the fingerprint they were made with."""
    return f"{project}/features/{_day(day)}/{fingerprint[:16]}.parquet"


def model_manifest(project: str, candidate_id: str) -> str:
    """Return the commit mark of a trained candidate."""
    return f"{project}/models/{candidate_id}/manifest.json"


def model_file(project: str, candidate_id: str, name: str) -> str:
    """Return the key of one file of a trained candidate: `model.skops`, `signature.json`, ..."""
    return f"{project}/models/{candidate_id}/{name}"


def tracking_artifacts(project: str) -> str:
    """Return the prefix under which MLflow keeps its artifacts."""
    return f"{project}/mlflow"


def decision_document(project: str, decision_id: str, name: str) -> str:
    """Return the key of a file about a decision: `decision.json`, `report.html`, ..."""
    return f"{project}/decisions/{decision_id}/{name}"


def decision(project: str, decision_id: str) -> str:
    """Return the key of a decision."""
    return decision_document(project, decision_id, "decision.json")


def decision_report(project: str, decision_id: str) -> str:
    """Return the key of a decision's report page."""
    return decision_document(project, decision_id, REPORT)


def decision_explanation(project: str, decision_id: str) -> str:
    """Return the key of what explains a decision to people: curves, importances, errors, the window's data."""
    return decision_document(project, decision_id, "explanation.json")


def data_report(project: str, decision_id: str) -> str:
    """Return the key of the page about the data of a decision's window."""
    return decision_document(project, decision_id, DATA_REPORT)


def model_card(project: str, decision_id: str) -> str:
    """Return the key of a decision's model card, in Markdown."""
    return decision_document(project, decision_id, MODEL_CARD)


def ledger_prefix(project: str) -> str:
    """Return the prefix of all ledger entries."""
    return f"{project}/ledger/"


def ledger_entry(project: str, number: int) -> str:
    """Return the key of a ledger entry; zero-padded, so that key order is number order."""
    return f"{project}/ledger/{number:08d}.json"


def is_ledger_entry(key: str) -> bool:
    """Tell whether a key has an entry's name, whatever its number; 0 is none."""
    return re.search(r"/ledger/(?!0{8}\.)[0-9]{8}\.json\Z", key) is not None


def release_file(project: str, version: str, name: str) -> str:
    """Return the key of one file of a release."""
    return f"{project}/releases/version={version}/{name}"


def release_pointer(project: str) -> str:
    """Return the key of the pointer to the release in force: changed only by compare-and-set."""
    return f"{project}/releases/champion.json"


def predictions_manifest(project: str, day: date) -> str:
    """Return the commit mark of one day's predictions; it names those that are in force."""
    return f"{project}/predictions/{_day(day)}/manifest.json"


def predictions_rows(project: str, day: date, version: str, content: str) -> str:
    """Return the key of one day's predictions by one version; `content` is a hash of their bytes."""
    return f"{project}/predictions/{_day(day)}/version={version}-{content[:16]}.parquet"


def comparison(project: str, comparison_id: str) -> str:
    """Return the key of a comparison of two models on one holdout, made for the walk-forward record."""
    return f"{project}/decisions/comparisons/{comparison_id}.json"


def history_page(project: str) -> str:
    """Return the key of the page of the walk-forward record: a view, made again whenever it is asked for."""
    return f"{project}/history/history.html"


def training_request(project: str, request_id: str) -> str:
    """Return the key of what the container of a training is asked; removed when its answer was read."""
    return f"{project}/models/requests/{request_id}/request.json"


def training_answer(project: str, request_id: str) -> str:
    """Return the key of what the container answered, beside the request."""
    return f"{project}/models/requests/{request_id}/result.json"


# the table of an artifact: feature rows, or rows set aside
ROWS = "rows"
# in the rows set aside: the position in the assembled day, and the checks it breaks; no declared column starts with "_"
ROW_COLUMN = "_row"
REASONS_COLUMN = "_reasons"
# in a window of features: the partition, as ISO text
DAY = "day"
