"""Read what a database file holds, without leaving a trace beside it."""
