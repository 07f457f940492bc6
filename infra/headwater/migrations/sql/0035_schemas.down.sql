-- Writer schemas by fingerprint, without which archived bytes cannot be read
-- kind: immediate
DROP TABLE IF EXISTS ${database}.schemas ${on_cluster}
