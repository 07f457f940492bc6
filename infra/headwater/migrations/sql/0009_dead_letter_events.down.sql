-- Dead letters as received
-- kind: immediate
DROP TABLE IF EXISTS ${database}.dead_letter_events ${on_cluster}
