"""What pages ask the marts: SQL and typed answers. No widgets here."""
