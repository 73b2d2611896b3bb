-- The folder of its repository that a project is about; null: all of it.

ALTER TABLE projects ADD COLUMN directory text
    CHECK (directory <> '' AND length(directory) <= 1024);
