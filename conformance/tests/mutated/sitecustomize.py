"""Puts one mutant into the reference, in every process of a copied adapter.

The adapter's environment puts this folder on PYTHONPATH and names the mutant in MUTANT; Python imports this module at
its start, before anything of the adapter runs. The reference itself knows nothing of it.
"""

import os

if os.environ.get("MUTANT"):
    import mutants
    import mutants_canvas  # noqa: F401 - it registers its mutants

    mutants.apply(os.environ["MUTANT"])
