-- Parameterised (at, known_at): when each version of a dataset that stands was written
-- kind: immediate
DROP VIEW IF EXISTS ${database}.versions_written_at ${on_cluster} SYNC
