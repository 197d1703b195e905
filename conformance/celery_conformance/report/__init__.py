"""Reports: one result document, and what people and programs read of it."""
