"""What is put right in a statement before it runs, a rule a module; `pipeline` has them all, in their order."""
