"""Training rows for the language core: hand-written patterns, filled, varied and executed.

In: the JSON lines in `phrasings/`, `entities.json`, a seed. Out: an endless stream of rows in the
text format of docs/contracts.md, section 3 (`training.data.generate.rows`). Standard library only
at run time. It does not train anything.
"""
