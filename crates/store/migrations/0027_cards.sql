-- What is asked for again and again is found whatever an organization did before: this step and those behind it.
-- Each is of one table, and short: whoever writes to it waits meanwhile.

-- The lanes of a board, for what is put at an end or between two.
CREATE INDEX cards_of_lane ON cards (tenant_id, project_id, lane, rank) WHERE archived_at IS NULL;
-- A board's own cards, and those that were put away.
CREATE INDEX cards_on_board ON cards (tenant_id, project_id, id) WHERE archived_at IS NULL;
CREATE INDEX cards_put_away ON cards (tenant_id, project_id, id) WHERE archived_at IS NOT NULL;
-- What is still to be done: where an inbox looks.
CREATE INDEX cards_open ON cards (tenant_id, id) WHERE archived_at IS NULL AND lane <> 'Done';
