-- Up to which day the keys of days have been destroyed: one day a day, decided here before a key is deleted in storage.
CREATE TABLE curation_worker.daily_key_expiry (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  destroyed_to date,
  advanced_at  timestamptz(3)
);
INSERT INTO curation_worker.daily_key_expiry DEFAULT VALUES;

-- Contents of quarantined items that may hold personal data are kept for as long as the keys of days are.
CREATE INDEX quarantine_sealed_idx ON curation_worker.quarantine (quarantined_at)
  WHERE sealed_by IS NOT NULL AND sealed_by <> 'expired';
