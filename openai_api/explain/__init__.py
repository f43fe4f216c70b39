"""What would become of a request? Its steps and routes, asked of the gateway that runs, without sending anything."""
