"""Cases: data that says what to do and what must be seen."""
