-- W3C trace context of whoever left the message.
ALTER TABLE table_manager.outbox ADD COLUMN traceparent text;
