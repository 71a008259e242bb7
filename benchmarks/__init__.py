"""Ratios against a named rival in the same run. README.md has the goals and the last figures."""
