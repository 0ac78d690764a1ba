-- People see the quarantine of their tenant only.
CREATE INDEX quarantine_tenant_group_idx ON curation_worker.quarantine (tenant, group_id, id);
CREATE INDEX quarantine_tenant_idx ON curation_worker.quarantine (tenant, id);
DROP INDEX curation_worker.quarantine_group_idx;
