"""AWS Bedrock: models of many makers behind one form of conversation, and some in the forms of their makers."""
