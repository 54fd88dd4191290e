"""Write a statement for how its columns are stored: logical SQL in, physical SQL out.

    SELECT COUNT(*) FROM visits WHERE visit_date LIKE '2024-05%'
    SELECT COUNT(*) FROM visits WHERE (visit_date >= strftime('%s', '2024-05-01') * 1000000 AND visit_date < …)

The model writes as if every column held what it means: ISO dates, numbers, 1 and 0, NULL for nothing. Invariant:
where all facts are plain the text stays the same; what is already written for the stored form is left alone.
"""
