"""Hold an agent's model: named, then fetched, then loaded, each when it is first wanted.

Invariants: a model that was given as an object is never closed here. Loading keeps only those waiting who want the
model; everything but `loaded` and `model` is for one thread at a time.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base.errors import Cancelled

if TYPE_CHECKING:
    from sqlagent.agent.attempt import TextModel
    from sqlagent.store.adapters import Files


class ModelSlot:
    """Holds one model; `model` is it once it is loaded.

    `given` is a loaded model object, a registry name, a path to a GGUF file, or None for the default.
    """

    def __init__(
        self, given: TextModel | str | None, *, adapter: str | Path | None, offline: bool, quiet: bool
    ) -> None:
        self._name = given if given is None or isinstance(given, str) else ""
        self.model: TextModel | None = None if given is None or isinstance(given, str) else given
        self._own = self.model is None
        self._adapter = adapter
        self._offline, self._quiet = offline, quiet
        self._files: Files | None = None
        self._loading = threading.RLock()

    @property
    def name(self) -> str:
        """What the model is called, loaded or not. Raises UsageError for an unknown one."""
        if self.model is not None:
            return self.model.name
        from sqlagent.store import models

        return models.find(self._name).name

    def fetch(self) -> None:
        """Make sure that the model's files are here. Raises ModelError, UsageError."""
        if self.model is None and self._files is None:
            from sqlagent.store import models

            self._files = models.ready(
                self._name, adapter=self._adapter, offline=self._offline, quiet=self._quiet
            )

    def is_ready(self) -> bool:
        """Whether the model can be loaded without fetching or merging anything. Raises ModelError, UsageError."""
        from sqlagent.store import models

        if self.model is None and self._files is None and self._adapter is None:
            self._files = models.at_hand(self._name)
        return self.model is not None or self._files is not None

    def loaded(self) -> TextModel:
        """The model whose files are here. Raises ModelError, and Cancelled when another was chosen meanwhile."""
        with self._loading:
            if self.model is None:
                if self._files is None:
                    raise Cancelled("Another model was chosen.")
                from sqlagent.base import paths
                from sqlagent.decoding import model

                self.model = model.Model.of(self._files, cache_dir=paths.cache_dir() / "prefix")
            return self.model

    def use(self, name: str | None) -> None:
        """Take another model from now on. Raises UsageError, ModelError when there is none of that name."""
        from sqlagent.store import models

        models.find(name)
        with self._loading:
            self.close()
            self._name, self._adapter, self._files, self._own = name, None, None, True
            self.model = None

    def close(self) -> None:
        """Let go of a model that was loaded here."""
        with self._loading:
            if self.model is not None and self._own:
                unwanted, self.model = self.model, None  # which ends a warm-up, that `close` would wait for
                unwanted.close()
