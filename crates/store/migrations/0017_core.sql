-- A remote that is away, and steps that are numbered.

-- The remote could not be reached by the last job: since when, how often it was asked, and when it is
-- asked again (`model::run::Away`).
ALTER TABLE runs ADD COLUMN away jsonb;
-- Before this nobody looks at it, whatever changes meanwhile.
ALTER TABLE queue_ready ADD COLUMN not_before timestamptz NOT NULL DEFAULT '-infinity';
