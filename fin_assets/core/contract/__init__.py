"""What a source promises and what the engine promises it: values and protocols. Knows no transport, no exchange, no Dagster."""
