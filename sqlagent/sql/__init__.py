"""Read SQL: lexer, tree, parser, names, and the sentence that explains a statement."""
