"""The `shoal` command. Each subcommand is a module, loaded when it is called."""
