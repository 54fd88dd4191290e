"""The patterns that analysts ask for, by topic; `train.builders.analysis` has them all."""
