"""Name the files and columns that one stage writes and another reads."""

from __future__ import annotations

# the table of an artifact: feature rows, or rows set aside
ROWS = "rows"
# in the rows set aside: the position in the assembled day, and the checks it breaks; no declared column starts with "_"
ROW_COLUMN = "_row"
REASONS_COLUMN = "_reasons"
# in a window of features: the partition, as ISO text
DAY = "day"
