"""How is the catalog changed by drafts? Objects as texts, planned together, and applied if they are what they were."""
