"""An honest worker: acknowledges early and stores each result."""

import labour

labour.serve()
