"""The view `files`: the archive, file by file, under the names that the tracker of the system before Forebay had."""

from __future__ import annotations

from forebay.model.catalogue import DATASETS

_DATASET = " ".join(f"WHEN '{dataset.table}' THEN '{dataset.name}'" for dataset in DATASETS.values())
_DAY = "CAST(start_date AS TEXT)"

# A file that was adopted, or that a rebuild found in storage, has coverage and no task.
FILES_VIEW = f"""
CREATE VIEW files AS
SELECT "key" AS file_key, status, attempt AS retry_count, error_message, worker_id, created_at, updated_at
FROM tasks WHERE destination = 'archive'
UNION ALL
SELECT CASE table_name {_DATASET} END || '/' || substr({_DAY}, 1, 4) || '/' || substr({_DAY}, 6, 2) || '/' || {_DAY}
  || '.csv.gz', 'completed', 0, NULL, NULL, checked_at, checked_at
FROM coverage AS held
WHERE destination = 'archive' AND verdict = 'complete' AND symbol = '*' AND NOT EXISTS (
  SELECT 1 FROM tasks AS known
  WHERE known.destination = 'archive' AND known.table_name = held.table_name AND known.symbol = held.symbol
    AND known.start_date = held.start_date
)
""".strip()
"""The same text for both databases; nothing can be written to it."""
