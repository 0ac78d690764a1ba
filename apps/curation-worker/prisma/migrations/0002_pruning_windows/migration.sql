-- The shortest window that claims have ever been made under: how far back from the horizon claims may be missing.
ALTER TABLE curation_worker.claims_pruning ADD COLUMN window_days_min integer NOT NULL DEFAULT 30;
