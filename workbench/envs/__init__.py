"""Seeded simulators: worlds of episodes, in which a policy's action changes what it sees next.

A world is a `verb_interfaces.World`: many episodes run side by side. Read streams first, how chance is drawn, then
conversation, and critiques, in which the user says what was wrong with a list; then slates, whose users' tastes are in
tastes, and sessions, whose best policy session_optimum computes. fixed_rule is a policy that learns nothing,
single_episode makes a Gymnasium Env of a world.
"""
