-- Each card is in one of the two that take its place.
DROP INDEX cards_of_project;
