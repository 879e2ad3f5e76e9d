"""Count the labels that were missing when they were due, day by day and in the holdout's groups.

A label that comes later than `label_delay_days` is not read: who is missing is not known, and may all be of one class.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from include.config.decision import DayRows
from include.config.evidence import Labels, LabelsOfDay, LabelsOfGroup
from include.config.project import Project
from include.ml.slices import grouping
from include.stages.feature_window import FeatureWindow


def measure_labels(project: Project, train: Sequence[DayRows], holdout: FeatureWindow) -> Labels:
    """Return how many labels are missing in the train part and in the holdout.

    Args:
        project: Declares the columns of the groups: protected ones and slices.
        train: The rows that the challenger was trained on; days of records that did not count are left out.
        holdout: The rows that are judged on, and those left out.
    """
    parts = (("train", train), ("holdout", holdout.data))
    days = tuple(
        LabelsOfDay(day=each.day, part=part, labelled=each.rows, missing=each.unlabelled)
        for part, data in parts
        for each in data
        if each.unlabelled is not None
    )
    return Labels(days=days, groups=tuple(_groups(project, holdout)))


def _groups(project: Project, holdout: FeatureWindow) -> Iterator[LabelsOfGroup]:
    if holdout.unlabelled is None:
        return
    missing = np.repeat([False, True], [len(holdout.frame), len(holdout.unlabelled)])
    for column in dict.fromkeys((*project.protected, *project.slices)):
        values = pd.concat([holdout.frame[column], holdout.unlabelled[column]], ignore_index=True)
        found = grouping(values)
        for place, name in enumerate(found.names):
            inside = missing[found.of_row == place]
            yield LabelsOfGroup(column=column, group=name, labelled=int((~inside).sum()), missing=int(inside.sum()))
