"""Link a question to tables, columns and stored values, and write the prompt."""
