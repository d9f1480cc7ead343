"""Sessions of logs with two rewards, what is wanted now and whether the user returns (two_rewards)."""
