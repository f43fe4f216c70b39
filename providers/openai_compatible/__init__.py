"""Every vendor that speaks the OpenAI formats: one adapter, one row a vendor."""
