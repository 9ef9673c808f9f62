-- What old evaluations are found by.

CREATE INDEX evaluations_by_end ON evaluations (finished_at);
