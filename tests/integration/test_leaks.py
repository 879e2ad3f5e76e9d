"""Give the model what is known only after the flight has left: it is refused, or judged too good to be true.

Code that asks for a column that is declared unknown fails at once: tests/stages/test_bad_partitions.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest

from include.cli.app import main
from include.domain.decision import Decision
from include.io import keys
from include.io.manifests import read_receipt
from include.io.releases import read_pointer
from tests.stages.shop import contents
from tests.support.demo_nights import DemoNights, demo_nights, error_of, states

pytestmark = pytest.mark.integration

PROJECT = "flight_delay"
# test_bad_nights.py shows that the same night promotes an honest model
NIGHT = date(2013, 4, 4)


@pytest.fixture
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNights]:
    with demo_nights(tmp_path_factory.mktemp("leaks"), PROJECT) as played:
        played.shorten()
        yield played


def declare_the_delay_at_departure(nights: DemoNights) -> None:
    nights.edit("    - aircraft_delay_yesterday\n", "    - aircraft_delay_yesterday\n    - dep_delay\n")


def test_a_feature_that_is_declared_unknown_is_no_valid_declaration(
    nights: DemoNights, capsys: pytest.CaptureFixture[str]
) -> None:
    declare_the_delay_at_departure(nights)
    lines = (nights.settings.projects_dir / PROJECT / "project.yaml").read_text().splitlines()
    line = lines.index("    - dep_delay") + 1
    assert main(["check", PROJECT]) == 2
    assert capsys.readouterr().err.splitlines()[0] == (
        f"flight_delay/project.yaml:{line}: features.numeric[11]: not known when the prediction is made, "
        "so no feature; got: dep_delay; hint: that is a leak: remove it from features"
    )


def test_a_leak_that_is_declared_known_is_rejected_as_too_good_to_be_true(
    nights: DemoNights, capsys: pytest.CaptureFixture[str]
) -> None:
    declare_the_delay_at_departure(nights)
    nights.edit(r"unknown_at_prediction: \[dep_time, dep_delay, ", "unknown_at_prediction: [dep_time, ")
    code = '"distance_miles": raw["distance"],'
    nights.edit(re.escape(code), f'{code} "dep_delay": raw["dep_delay"],', "features.py")
    assert main(["check", PROJECT]) == 0
    assert "flight_delay: valid" in capsys.readouterr().out
    nights.deliver(NIGHT, NIGHT)

    night = nights.run(NIGHT)

    assert night.state == "failed"
    found = states(night)
    assert found["train"] == found["evaluate"] == {"success"}
    assert found["promote"] == {"failed"}
    assert found["announce_champion"] == {"upstream_failed"}
    [entry] = nights.ledger.entries()
    assert (entry.kind, entry.verdict, entry.as_of) == ("decision", "REJECT", NIGHT)
    decision = read_receipt(nights.store, nights.store.key_of(entry.decision_uri), Decision)
    assert decision is not None
    # no other gate would have stopped it
    [alarm, alone] = [gate for gate in decision.gates if not gate.passed]
    assert (alarm.kind, alarm.metric, alarm.threshold) == ("leak_alarm", "roc_auc", "<= 0.85")
    assert alarm.value > 0.85
    assert alarm.note == "too good to be true: look for a feature that is not known at prediction time"
    assert (alone.kind, alone.metric, alone.threshold) == ("leakage", "single_feature_auc", "<= 0.82")
    assert alone.note == f"tells too much by itself: dep_delay {alone.value:.4f}"
    error = error_of(night, "promote")
    assert error.startswith("CandidateRejectedError: flight_delay, decision 2013-04-04-")
    assert ": a gate failed; there is still no champion; got: leak_alarm: roc_auc 0." in error

    assert nights.ledger.champion() is None
    assert read_pointer(nights.store, PROJECT) is None
    assert contents(nights.store, f"{PROJECT}/releases/") == {}
    assert nights.alias() is None
    report = nights.store.get(keys.decision_report(PROJECT, decision.decision_id)).decode()
    assert "too good to be true" in report
