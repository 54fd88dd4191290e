"""`python -m sqlagent` is `sqlagent`."""

from sqlagent.ui.program import main

if __name__ == "__main__":
    main()
