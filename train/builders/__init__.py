"""Make training data: sets of questions, statements and databases that `python -m train` reads as it reads Spider."""
