"""Hand a training over by the store: the worker's request, the container's answer, and nothing left of them."""

from __future__ import annotations

from dataclasses import dataclass

from include.config.training_container import TrainingAnswer, TrainingRequest
from include.domain.errors import ObjectMissingError
from include.io import keys
from include.io.manifests import parse_receipt, read_receipt, to_json
from include.io.object_store import ObjectStore


@dataclass(frozen=True)
class Handover:
    """Be the place of one request and its answer.

    Attributes:
        request_id: `TrainingRequest.identity`: a retry hands over at the same place.
    """

    store: ObjectStore
    project: str
    request_id: str

    @property
    def request_key(self) -> str:
        """Return the key of the request."""
        return keys.training_request(self.project, self.request_id)

    @property
    def answer_key(self) -> str:
        """Return the key of the answer."""
        return keys.training_answer(self.project, self.request_id)

    def ask(self, request: TrainingRequest) -> None:
        """Write the request; what a killed try left of an answer goes first."""
        self.store.delete(self.answer_key)
        self.store.put(self.request_key, to_json(request))

    def request(self) -> TrainingRequest:
        """Return the request.

        Raises:
            ObjectMissingError: There is none.
            ArtifactDamagedError: It was written by another version.
        """
        return parse_receipt(self.store.get(self.request_key), self.store.uri(self.request_key), TrainingRequest)

    def answer(self, answer: TrainingAnswer) -> None:
        """Write the answer."""
        self.store.put(self.answer_key, to_json(answer))

    def answer_to(self, attempt: str) -> TrainingAnswer | None:
        """Return the answer to one try; None when there is none, or one to another try.

        Raises:
            ArtifactDamagedError: It was written by another version.
        """
        found = read_receipt(self.store, self.answer_key, TrainingAnswer)
        return found if found is not None and found.attempt == attempt else None

    def remove(self) -> None:
        """Remove both."""
        for key in (self.request_key, self.answer_key):
            self.store.delete(key)


def handover_at(store: ObjectStore, request_key: str) -> Handover:
    """Return the place that a request's key names.

    Raises:
        ObjectMissingError: It is no such key.
    """
    parts = request_key.split("/")
    project, request_id = parts[0], parts[-2] if len(parts) > 1 else ""
    if request_key != keys.training_request(project, request_id):
        raise ObjectMissingError(store.uri(request_key), "not the key of a training request")
    return Handover(store, project, request_id)
