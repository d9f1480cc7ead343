"""The command line: a function for each command, those that use what is stored in run_commands; arguments parses."""
