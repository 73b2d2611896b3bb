-- A runner makes its own id, and `lookup_runner` and the hub know it by nothing else: one id is one
-- runner, whoever's it is, or a stranger who enrols under the same id would take its place.
CREATE UNIQUE INDEX runners_id ON runners (id);
