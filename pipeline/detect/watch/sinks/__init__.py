"""Where notifications go: one module a kind of sink."""
