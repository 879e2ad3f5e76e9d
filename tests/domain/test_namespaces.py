"""Names, addresses and registry of namespaces: what one is called is called so by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.config.settings import Settings
from include.domain import names
from include.domain.errors import SettingsError
from include.domain.names import namespace_of, retrain_dag_id, score_dag_id, training_pool

GOOD = ["a", "7", "pr-123", "feature--x", "a" * 32]
BAD = ["-a", "a-", "A", "a.b", "a_b", "a=b", "a/b", "..", "pr 1", "a" * 33, "pr-1\n", "ü"]


def settings_of(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_environment({"NIGHTSHIFT_HOME": str(tmp_path), **environ})


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_taken(name: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, NIGHTSHIFT_NAMESPACE=name)
    assert settings.namespace == name
    assert settings.store_url == f"file://{tmp_path}/store/namespace={name}"
    assert settings.tracking_url == f"sqlite:///{tmp_path}/mlflow/mlflow.db#namespace={name}"


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(tmp_path, NIGHTSHIFT_NAMESPACE=name)
    assert str(caught.value) == (
        f"environment variable NIGHTSHIFT_NAMESPACE: not the name of a namespace; got: {name!r}; "
        "allowed: 1 to 32 of a-z, 0-9 and '-', not at either end; hint: such as pr-123"
    )


def test_nothing_else_depends_on_the_namespace(tmp_path: Path) -> None:
    base = settings_of(tmp_path, NIGHTSHIFT_TRACKING_URL="http://user:pass@mlflow:5000")
    there = base.in_namespace("pr-1")
    changed = {name for name in Settings.model_fields if getattr(there, name) != getattr(base, name)}
    assert changed == {"namespace", "store_url", "tracking_url"}
    assert there.mlflow_url == "http://mlflow:5000"


@pytest.mark.parametrize("store", ["s3://bucket", "s3://bucket/prefix", "file:///data/namespace=other"])
def test_a_namespace_is_left_and_changed_without_a_trace(store: str, tmp_path: Path) -> None:
    base = settings_of(tmp_path, NIGHTSHIFT_STORE_URL=store)
    assert base.in_namespace("a").in_namespace("b") == base.in_namespace("b")
    assert base.in_namespace("a").in_namespace("") == base


def test_other_addresses_keep_the_namespace(tmp_path: Path) -> None:
    there = settings_of(tmp_path, NIGHTSHIFT_NAMESPACE="a").at("s3://nightshift", "http://mlflow:5000")
    assert there.store_url == "s3://nightshift/namespace=a"
    assert there.tracking_url == "http://mlflow:5000#namespace=a"


def test_the_landing_zone_is_productions_whatever_the_namespace(tmp_path: Path) -> None:
    base = settings_of(tmp_path)
    assert base.landing_url == base.store_url == base.in_namespace("a").landing_url
    elsewhere = settings_of(tmp_path, NIGHTSHIFT_LANDING_URL="s3://sources", NIGHTSHIFT_NAMESPACE="a")
    assert elsewhere.landing_url == elsewhere.in_namespace("").landing_url == "s3://sources"


@pytest.mark.parametrize("url", ["sqlite:////x/#1/mlflow.db", "http://mlflow:5000", "postgresql://u:p@h/db"])
def test_an_address_without_a_namespace_is_left_alone(url: str) -> None:
    assert names.split_tracking(url) == (url, "")
    assert names.split_tracking(names.tracking_in(url, "a")) == (url, "a")


def test_the_names_of_a_namespace_can_be_told_from_all_others() -> None:
    assert retrain_dag_id("shop", "pr-1") == "pr-1.shop__retrain"
    assert score_dag_id("shop", "pr-1") == "pr-1.shop__score"
    assert training_pool("pr-1") == "pr-1.training"
    assert namespace_of("pr-1.shop__retrain") == "pr-1"
    for plain in ("shop__retrain", "My.dag", "_x.shop", "training"):
        assert names.split_name(plain) == ("", plain)


def test_a_registered_namespace_is_seen_until_its_removal_begins(tmp_path: Path) -> None:
    assert names.registered(tmp_path) == ()
    assert names.register(tmp_path, "b")
    assert names.register(tmp_path, "a")
    assert not names.register(tmp_path, "a")
    assert names.registered(tmp_path) == ("a", "b")
    for _ in range(2):
        names.begin_removal(tmp_path, "a")
    assert (names.registered(tmp_path), names.being_removed(tmp_path)) == (("b",), ("a",))
    with pytest.raises(SettingsError, match="namespace a: it is being removed; hint: "):
        names.register(tmp_path, "a")
    names.end_removal(tmp_path, "a")
    assert names.being_removed(tmp_path) == ()
    assert names.register(tmp_path, "a")


def test_other_files_among_the_registered_are_passed_over(tmp_path: Path) -> None:
    names.register(tmp_path, "a")
    (tmp_path / "namespaces" / ".DS_Store").touch()
    assert names.registered(tmp_path) == ("a",)
