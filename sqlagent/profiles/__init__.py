"""Profiles of well-known applications' databases: data only, read by `sqlagent.database.profile`."""
