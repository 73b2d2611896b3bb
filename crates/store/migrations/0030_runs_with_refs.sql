-- Runs whose refs are to be swept: one that no runner ever had has none, and lay in the index of before for ever.
CREATE INDEX runs_with_refs ON runs (tenant_id, finished_at)
    WHERE finished_at IS NOT NULL AND refs_swept_at IS NULL AND epoch > 0;
