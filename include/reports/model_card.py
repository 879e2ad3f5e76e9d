"""Write the card of one model version in Markdown, from what was declared, made and measured: nothing is made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from typing import Protocol

from include.config.project import Project
from include.config.source import FileSource, Source
from include.domain.decision import Decision
from include.domain.explanation import Explanation
from include.reports.card_evidence import evidence, limits
from include.reports.data_report import data_notes, label_notes
from include.reports.decision_state import counted, gate_order, gate_result, without_itself
from include.reports.decision_tables import gate_amount
from include.reports.first_screen import headline, reasons, upper_first
from include.reports.markdown import bullets, escape, section, sentences, table
from include.reports.wording import count, days, in_words, listed, moment, number, share, words

IMPORTANT = 10


class TrainingFacts(Protocol):
    """Be what a card says of a model's training; `TrainingRecord` is one."""

    @property
    def fold_scores(self) -> Sequence[float]:
        """Return the score of the chosen setting in each fold."""

    @property
    def trials(self) -> Sized:
        """Return the settings that were tried."""

    @property
    def positive_rate(self) -> float:
        """Return the share of positives in the train part."""

    @property
    def seed(self) -> int:
        """Return what makes every draw of chance repeatable."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Return the versions of Python and the libraries."""

    @property
    def notes(self) -> Sequence[str]:
        """Return what the libraries warned of."""


def model_card(
    project: Project, decision: Decision, explanation: Explanation | None = None, training: TrainingFacts | None = None
) -> str:
    """Return the card of a decision's challenger as Markdown of GitHub's kind; what is not known is left out.

    Args:
        project: As it is declared.
        decision: With its evidence.
        explanation: What only people look at; None when it was not made.
        training: How the model was made; None when the record is gone.
    """
    decision, shown = without_itself(decision, explanation or Explanation())
    model = decision.challenger
    version = f"version {model.version}" if model.version else model.candidate_id
    lines = [
        f"# {escape(project.name)}, {escape(version)}",
        "",
        escape(project.description),
        "",
        f"**{decision.verdict}** {moment(decision.made_at)}: {escape(headline(decision))}",
        "",
        *section("What it is for", _use(project, decision)),
        *section("Data", _window(decision, training), _source(project), _notes(decision, shown)),
        *section("Features", _features(project), _importance(shown)),
        *section("Training", _training(project, decision, training), _candidates(decision)),
        *evidence(decision),
        *section("Limits that were found", limits(decision, shown, training.notes if training else ())),
        *section("How it was decided", _decided(decision)),
        *section("Where it comes from", _reproduce(decision), _lineage(decision)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _use(project: Project, decision: Decision) -> list[str]:
    target, point = project.target, decision.measurements.points.get("challenger")
    rule = (
        f"{target.column} is {target.equals}"
        if target.greater_than is None
        else f"{target.column} is above {target.greater_than:g}"
    )
    return bullets(
        [
            ("Answers", f"how likely {target.name} is, from 0 to 1: {rule}"),
            ("Yes", f"from a score of {number(point.threshold, 3)} on ({point.objective})" if point else ""),
            ("Used by", f"scoring, {project.scoring.schedule} in UTC" if project.scoring else ""),
            ("Owner", f"{project.owner.name}, {project.owner.email}"),
        ]
    )


def _window(decision: Decision, training: TrainingFacts | None) -> list[str]:
    rows = [
        ("train part", decision.train, decision.train_rows, training.positive_rate if training else None),
        ("holdout", decision.holdout, decision.holdout_rows, decision.positive_rate),
    ]
    return table(
        ["Part", "First day", "Last day", "Days", upper_first(decision.row.many), "Positive"],
        [
            [name, str(span.first), str(span.last), str(days(span)), count(size), share(rate)]
            for name, span, size, rate in rows
        ],
    )


def _source(project: Project) -> list[str]:
    delay = project.window.label_delay_days
    known = f"{delay} {'day' if delay == 1 else 'days'} later" if delay else "the same day"
    return bullets(
        [
            ("Source", _describe_source(project.source)),
            (f"One {project.row.one} is", listed(list(project.keys))),
            ("The label is known", known),
            ("Days left out", ", ".join(map(str, project.window.excluded))),
        ]
    )


def _notes(decision: Decision, explanation: Explanation) -> list[str]:
    notes = [*label_notes(decision), *data_notes(explanation.data)]
    # a paragraph keeps this list apart from the one above
    return ["What stands out in the data:", "", *sentences(notes)] if notes else []


def _describe_source(source: Source) -> str:
    if isinstance(source, FileSource):
        return f"files: {listed(sorted(source.tables))}"
    return f"SQL, connection {source.connection}"


def _features(project: Project) -> list[str]:
    return bullets(
        [
            ("Numbers", ", ".join(project.features.numeric)),
            ("Categories", ", ".join(project.features.categorical)),
            ("Never used, known only afterwards", ", ".join(project.unknown_at_prediction)),
            ("Never used, protected", ", ".join(project.protected)),
            ("Never used, personal data", ", ".join(project.pii)),
        ]
    )


def _importance(explanation: Explanation) -> list[str]:
    shown = [each for each in explanation.importance if each.challenger is not None][:IMPORTANT]
    if not shown:
        return []
    sample = explanation.importance_sample
    of = f" {words(sample.metric)}" if sample else ""
    said = f"What{of} loses when a feature's values are shuffled:"
    return [
        escape(said),
        "",
        *table(
            ["Feature", "This model", "±", "Champion"],
            [[each.feature, number(each.challenger), number(each.spread), number(each.champion)] for each in shown],
        ),
    ]


def _training(project: Project, decision: Decision, training: TrainingFacts | None) -> list[str]:
    model, folds = decision.challenger, project.cross_validation
    facts = [
        ("Model", f"{model.candidate}, estimator {model.estimator}"),
        ("Parameters", ", ".join(f"{name} {value}" for name, value in sorted(model.params.items()))),
        ("Cross-validation", f"{folds.folds} folds, {folds.order} order, inside the train part only"),
    ]
    if training:
        scores = ", ".join(number(score) for score in training.fold_scores)
        facts += [
            ("Settings tried", str(len(training.trials))),
            (f"{words(decision.primary_metric)} of the folds", scores),
            ("Seed", str(training.seed)),
            ("Made with", ", ".join(f"{name} {value}" for name, value in sorted(training.versions.items()))),
        ]
    return bullets(facts)


def _candidates(decision: Decision) -> list[str]:
    models = [decision.challenger, *decision.others]
    return table(
        ["Candidate", "Estimator", f"{words(decision.primary_metric)} in cross-validation", "±"],
        [[model.candidate, model.estimator, number(model.cv_mean), number(model.cv_std)] for model in models],
    )


def _decided(decision: Decision) -> list[str]:
    gates = table(
        ["Gate", "Of", "Demanded", "Got", "Result"],
        [
            [
                words(gate.kind),
                words(gate.metric, decision.row) if gate.metric != gate.kind else "",
                gate.threshold,
                gate_amount(gate, gate.value, decision.row),
                in_words(decision, gate_result(gate)),
            ]
            for gate in gate_order(decision.gates)
        ],
    )
    said = [*reasons(decision), f"Gates: {counted(decision.gates)}.", f"Recorded reason: {decision.reason}"]
    return [*sentences(said), *gates]


def _reproduce(decision: Decision) -> list[str]:
    if not decision.challenger.version:
        return []
    return ["```sh", f"./nightshift reproduce {decision.project} {decision.challenger.version}", "```", ""]


def _lineage(decision: Decision) -> list[str]:
    origin, model = decision.origin, decision.challenger
    return bullets(
        [
            ("Decision", decision.decision_id),
            ("Model", f"{model.candidate_id}, {model.model_uri}" if model.model_uri else model.candidate_id),
            ("MLflow run", model.tracking_run_id),
            ("Airflow run", f"{origin.run_id} of {origin.dag_id}" if origin.dag_id else origin.run_id),
            ("Data", decision.data_fingerprint),
            ("Code", decision.code_fingerprint),
            ("Git commit", origin.git_commit),
            ("Environment lock", origin.lock_hash),
        ]
    )
