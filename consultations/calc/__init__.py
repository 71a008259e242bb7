"""The arithmetic of consultations: frozen dataclasses in and out, no Django, no database."""
