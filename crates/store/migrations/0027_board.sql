-- What is asked for again and again is found whatever an organization did before. Each of these read all cards of
-- a project, or all runs, to find a few of them.
--
-- Those of a project begin with it and not with the organization, whose they cannot but be: an index that begins
-- with the organization is taken for one that finds a row by its id wherever organizations are small, and then
-- reads all that a large one has.

-- The end of a lane, for what is put behind it.
CREATE INDEX cards_of_lane ON cards (project_id, lane, rank);
-- A board's own cards, among those that were put away.
CREATE INDEX cards_on_board ON cards (project_id, id) WHERE archived_at IS NULL;
-- What is still to be done: where an inbox looks.
CREATE INDEX cards_open ON cards (tenant_id, id) WHERE archived_at IS NULL AND lane <> 'Done';

-- Runs of a project and runs in a state, newest first.
CREATE INDEX runs_of_project ON runs (project_id, id);
CREATE INDEX runs_in_state ON runs (tenant_id, state, id);
-- The primary key, read backwards, is the same.
DROP INDEX runs_of_tenant;
