"""Show a person what they asked for: the command line, the prompt, and the formats of results."""
