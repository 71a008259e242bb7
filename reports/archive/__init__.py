"""All of a firm's data in one file: written, and read into an empty firm. The format: docs/export.md."""
