"""Two companies that are the same become one: preview, merge, and taking it back for 30 days.

Generic: which rows move is said by the models (`on_merge`), also by those of apps that this module does not know.

1. Both companies are locked in the order of their keys, then looked at again: of two who merge A into B and B into A
   at once, the second finds a company that is gone.
2. Twins (one site, one person in both companies) are settled: the kept company's row stays, what hung on the other one
   hangs on it.
3. All other rows change their company, model by model. Keys that hold the company wait until all have moved.
4. What was changed is noted in CompanyMerge.moved, from which `take_back` puts everything that still exists back.
5. After 30 days `remove_shell` moves what still reached the company that is gone, and deletes it.

Where a merge touches rows that a limited consultant cannot see (a key of the API, say), it acts for the whole firm;
both companies must be in the consultant's own scope before.
"""

from tenancy.merging.joining import SHELL, UNDO_FOR, merge
from tenancy.merging.moving import NotMergeable, movable
from tenancy.merging.previewing import FILLED, Preview, preview, rows_of
from tenancy.merging.taking_back import forget, latest, remove_shell, take_back

__all__ = [
    "FILLED",
    "SHELL",
    "UNDO_FOR",
    "NotMergeable",
    "Preview",
    "forget",
    "latest",
    "merge",
    "movable",
    "preview",
    "remove_shell",
    "rows_of",
    "take_back",
]
