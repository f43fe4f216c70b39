"""Azure OpenAI: deployments in the path, its own key header, and chunks that speak of its content filter alone."""
