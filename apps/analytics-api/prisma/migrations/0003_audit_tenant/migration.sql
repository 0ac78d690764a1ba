-- What is of no tenant in particular belongs to the deployment's own.
ALTER TABLE analytics_api.audit ADD COLUMN tenant text NOT NULL DEFAULT 'default';
DROP INDEX analytics_api.audit_at_id_idx;
CREATE INDEX audit_tenant_idx ON analytics_api.audit (tenant, at, id);
