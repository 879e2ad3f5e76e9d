"""Make the candidates of the bench by training on real rows, altered where the candidate has to be bad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tests.support.bench.house import Days, House, each, share
from tests.support.bench.trial import Trial


def clearly_better(house: House) -> Trial:
    """Learn from everything there is, and meet all that is demanded."""
    return _trained(house)


def worse(house: House) -> Trial:
    """Look at hardly anything."""
    return Trial(house.project(), (house.train(house.knowing(*house.ground.worse_columns)),))


def same_model(house: House) -> Trial:
    """Be the champion's very files, from another training."""
    result = house.train(house.project())
    files = house.champion_files()
    house.keep_instead(result, files["model.skops"], files["signature.json"])
    return Trial(house.project(), (result,))


def the_champion_itself(house: House) -> Trial:
    """Be judged again on the day it became champion."""
    return Trial(house.project(), (house.train_champion(),), house.ground.champion_day)


def other_seed(house: House) -> Trial:
    """Learn what the champion has learnt, with other draws of chance."""
    project = house.champion_project()
    with house.altered(share(house.ground.champion_share)):
        result = house.train(project.model_copy(update={"seed": project.seed + house.ground.other_seed}))
    return Trial(house.project(), (result,))


def slightly_better(house: House) -> Trial:
    """Learn a little more than the champion has."""
    ground = house.ground
    with house.altered(share(ground.better_share)):
        return Trial(house.project(), (house.train(house.knowing(*ground.better_columns)),))


def overfitted(house: House) -> Trial:
    """Know few rows by heart, which stand on every day and so on both sides of each fold."""
    ground = house.ground
    deep = {**ground.params, "max_depth": 10, "min_child_weight": 0, "reg_lambda": 0.0, "learning_rate": 0.5}
    candidates = [
        {"name": "honest", "estimator": "xgboost", "params": ground.params},
        {"name": "challenger", "estimator": "xgboost", "params": deep},
    ]
    project = house.project(candidates=candidates)
    honest = house.train(project, candidate="honest")

    def repeated(days: Days) -> Days:
        rows = pd.concat(list(days.values()), ignore_index=True).sample(ground.overfit_rows, random_state=1)
        return dict.fromkeys(days, rows.reset_index(drop=True))

    with house.altered(repeated):
        return Trial(project, (honest, house.train(project)))


def uncalibrated(house: House) -> Trial:
    """Learn from positives that stand there more than once: scores rank as well as before, and are all too high."""
    target, more = house.project().target.name, house.ground.positives_more
    with house.altered(each(lambda frame, _: pd.concat([frame, *more * [frame[frame[target] == 1]]]))):
        return _trained(house)


def biased(house: House) -> Trial:
    """Learn from people who said yes to one group and no to the others."""
    people = house.ground.people
    target = house.project().target.name

    def unfair(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        turned = random.random(len(frame)) < people.share
        favoured = frame[people.column] == people.favoured
        return frame.assign(**{target: frame[target].mask(turned & favoured, 1).mask(turned & ~favoured, 0)})

    protected = {*house.project().protected, people.column}
    house.add(lambda frame, _: frame[people.source], people.column)
    # what tells the group, as a form of address does
    house.add(lambda frame, _: frame[people.column].astype("str"), "address")
    with house.altered(each(unfair)):
        return _trained(house, features=with_feature(house, "categorical", "address"), protected=sorted(protected))


def bad_on_a_slice(house: House) -> Trial:
    """Trust a rating that one group of rows alone has, and that has come to mean the opposite since."""
    bad, target = house.ground.slice, house.project().target.name

    def rating(labels: pd.Series, frame: pd.DataFrame, random: np.random.Generator) -> pd.Series:
        rated = labels + random.normal(0, bad.noise, len(frame))
        return rated.where(frame[bad.column] == bad.value, 0.0).astype("float64")

    house.add(lambda frame, random: rating(1 - frame[target], frame, random), "rating")
    with house.altered(each(lambda frame, random: frame.assign(rating=rating(frame[target], frame, random)))):
        return _trained(house, features=with_feature(house, "numeric", "rating"))


def leaking(house: House) -> Trial:
    """Be told the answer, with some noise, by a feature that is known only afterwards."""
    target = house.project().target.name
    house.add(lambda frame, random: frame[target].astype("float64") + random.normal(0, 0.5, len(frame)), "told")
    return _trained(house, features=with_feature(house, "numeric", "told"))


def more_features(house: House) -> Trial:
    """Know a feature that the champion does not know."""
    house.add(lambda frame, random: pd.Series(random.normal(size=len(frame)), index=frame.index), "noise")
    return _trained(house, features=with_feature(house, "numeric", "noise"))


def fewer_features(house: House) -> Trial:
    """Lack a feature that the champion has."""
    features = house.project().features
    return _trained(house, features={**features.model_dump(), "numeric": features.numeric[:-1]})


def champion_lacks_its_feature(house: House) -> Trial:
    """Be judged on rows that no longer have what the champion needs."""
    features = house.project().features
    house.drop(features.numeric[-1])
    return _trained(house, features={**features.model_dump(), "numeric": features.numeric[:-1]})


def lacks_its_feature(house: House) -> Trial:
    """Need a feature that the rows it is judged on do not have."""
    with house.altered(each(lambda frame, random: frame.assign(gone=random.normal(size=len(frame))))):
        return _trained(house, features=with_feature(house, "numeric", "gone"))


def staler(house: House) -> Trial:
    """Learn from data of a day before the champion's."""
    project, day = house.project(), house.ground.stale_day
    return Trial(project, (house.train(project, day),), day)


def _trained(house: House, **changes: Any) -> Trial:
    project = house.project(**changes)
    return Trial(project, (house.train(project),))


def with_feature(house: House, kind: str, name: str) -> dict[str, Any]:
    """Return the project's features and one more."""
    features = house.project().features.model_dump()
    return {**features, kind: (*features[kind], name)}
