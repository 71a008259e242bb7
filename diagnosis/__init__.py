"""The 簡易診断: a questionnaire as data, its scoring as arithmetic, and what people read of it."""
