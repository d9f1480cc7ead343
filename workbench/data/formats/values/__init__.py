"""Values that logs write in many ways: times, amounts of money, ratings.

Read timestamps first, then calendar_dates and time_formats, which it tries; money and ratings stand alone.
"""
