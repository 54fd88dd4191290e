"""Training: from question/SQL pairs to a LoRA adapter. Runs from a checkout; `sqlagent` never imports it."""
