"""List declarations that are wrong about where models are trained."""

from __future__ import annotations

from tests.config.good_declaration import Broken

_BEFORE = "cross_validation:\n  folds: 3"


def _declares(name: str, lines: str, *messages: str) -> Broken:
    return Broken(name, _BEFORE, f"training:\n{lines}\n{_BEFORE}", tuple(f"{name}/project.yaml:{m}" for m in messages))


_LIMITED = "only a container can be limited: a task shares its worker with others"
_NAME = "must be a Docker image: [registry/]name[:tag][@sha256:digest], the name in lower case"

BROKEN_TRAINING: tuple[Broken, ...] = (
    _declares(
        "limits_of_no_container",
        "  cpus: 2\n  memory_mb: 4096",
        f"45: training.cpus: {_LIMITED}; got: 2; hint: name the image to train in, or remove the limit",
        f"46: training.memory_mb: {_LIMITED}; got: 4096; hint: name the image to train in, or remove the limit",
    ),
    _declares("image_in_capitals", "  image: Acme/Train:1", f"45: training.image: {_NAME}; got: Acme/Train:1"),
    _declares("image_by_url", "  image: https://acme/train", f"45: training.image: {_NAME}; got: https://acme/train"),
    _declares(
        "image_too_small",
        "  image: acme/train:1\n  cpus: 0\n  memory_mb: 64",
        "46: training.cpus: must be at least 0.1; got: 0",
        "47: training.memory_mb: must be at least 512; got: 64",
    ),
    _declares(
        "image_misspelt",
        "  imgae: acme/train:1",
        "45: training.imgae: unknown key; got: imgae; allowed: cpus, image, memory_mb; hint: Did you mean 'image'?",
    ),
)
