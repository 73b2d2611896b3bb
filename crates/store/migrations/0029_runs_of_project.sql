-- The same of a project. Without its organization, whose it cannot but be: it would be taken for an index that finds
-- a run by its id, and then read as a whole.
CREATE INDEX runs_of_project ON runs (project_id, state, id);
