-- What is asked for again and again is found whatever an organization did before. Each of these read all cards of
-- a project, or all runs, to find a few of them.

-- The end of a lane, for what is put behind it.
CREATE INDEX cards_of_lane ON cards (tenant_id, project_id, lane, rank);
-- A board's own cards, among those that were put away.
CREATE INDEX cards_on_board ON cards (tenant_id, project_id, id) WHERE archived_at IS NULL;
-- What is still to be done: where an inbox looks.
CREATE INDEX cards_open ON cards (tenant_id, id) WHERE archived_at IS NULL AND lane <> 'Done';

-- Runs in a state, of an organization and of a project, newest first. The latter without its organization, whose
-- it cannot but be: it would be taken for one that finds a run by its id, and then read as a whole.
CREATE INDEX runs_in_state ON runs (tenant_id, state, id);
CREATE INDEX runs_of_project ON runs (project_id, state, id);
-- The primary key, read backwards, is the same.
DROP INDEX runs_of_tenant;
