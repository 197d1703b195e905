"""Plants one change into real Celery, in every process of a copied adapter.

The adapter's environment puts this folder on PYTHONPATH and names the change in PLANT; Python imports this module at
its start, before anything of the adapter runs.
"""

import os

if os.environ.get("PLANT"):
    import plants

    plants.apply(os.environ["PLANT"])
