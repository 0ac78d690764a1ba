-- The contract index up to which publications are in the audit. One row.
CREATE TABLE table_manager.contracts_told (
  one   boolean PRIMARY KEY DEFAULT true CHECK (one),
  index bigint NOT NULL CHECK (index >= 0)
);

INSERT INTO table_manager.contracts_told (index) VALUES (0);
