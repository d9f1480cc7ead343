"""The command line: one function for each command, whose signature defines its options.

Read commands first; run_commands holds those that use what is stored, arguments what parses and checks values.
"""
