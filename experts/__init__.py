"""MRKL modules: the contract of an expert, the registry, and one file per built-in expert."""
