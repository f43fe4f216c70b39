"""Converse of AWS Bedrock: one format for the models of many makers."""
