"""What the オンライン相談・壁打ち adds to the house's pages."""

from consultations import (
    panels_company,  # noqa: F401  (a company's own pages)
    panels_public,  # noqa: F401  (the firm's public page)
)
