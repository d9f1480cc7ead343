"""Seeded simulators: worlds of episodes, in which a policy's action changes what it sees next.

A world is a `verb_interfaces.World`: many episodes run side by side. Read streams first, how chance is drawn, then
conversation; single_episode makes a Gymnasium Env of a world.
"""
