"""The events of ConverseStream, in and out."""
