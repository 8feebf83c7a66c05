"""Measurements side by side with other tools, in one run each. Not tests: they take minutes and judge nothing."""
