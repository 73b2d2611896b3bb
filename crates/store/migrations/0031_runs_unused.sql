-- The primary key, read backwards, is the first; the step before has what takes the place of the second.
DROP INDEX runs_of_tenant;
DROP INDEX runs_to_sweep;
