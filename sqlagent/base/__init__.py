"""Hold what every package may use: errors, words, progress, threads."""
