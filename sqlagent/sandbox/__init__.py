"""Run a statement in a worker process that can read the database and do nothing else."""
