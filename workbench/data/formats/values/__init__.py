"""Values out of the ordinary: timestamps in many units and notations, amounts of money."""
