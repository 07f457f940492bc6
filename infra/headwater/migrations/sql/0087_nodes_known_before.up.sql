-- What was said of datasets and their versions, for those that are there already
-- kind: long
INSERT INTO ${database}.nodes_known SELECT key, dataset, namespace, name, version, version_origin, kind, arrival, precedence FROM ${database}.nodes
