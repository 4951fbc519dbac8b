"""Windows of event time: ticks (in `Front`), parts (counts by conversation), and what they make of entities."""
