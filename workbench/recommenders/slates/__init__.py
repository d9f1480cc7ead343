"""Policies that fill slates, by what they learnt of items from logged slates and of a user while they act.

Read worlds first (whose episodes they are), then posterior (what is known of a user), in_slate (how rankings become a
slate), and policy, the assembly; logged has the slates that are learnt from.
"""
