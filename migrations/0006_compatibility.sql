-- Which programs work with this schema, for replicas that are upgraded one after the other and for the way back. A program
-- goes on working on a schema with steps that it does not know if each of them says so: `oldest_program` is the newest step
-- that a program has to know. Steps before this one are known to every program that reads this table.
CREATE TABLE schema_steps (
    version        BIGINT NOT NULL PRIMARY KEY,
    oldest_program BIGINT NOT NULL
);
