"""An honest client: sends a task as a Redis list item and reads its result."""

import dialogue

dialogue.serve()
