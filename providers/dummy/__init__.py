"""What does a provider do that is always there? It answers offline, for every capability, and fails on command.

The upstream model's name is the script, words joined by `+`:

    echo                 answers (also: any other name); the same request gets the same answer
    slow-200ms           waits before it answers
    pace-50ms            waits between the parts of a stream
    status-503           fails as an upstream that answers with this status
    rate-limited-3s      429 with Retry-After: 3
    refused, reset, timeout, garbage    fails to connect, breaks, never answers in time, answers nonsense
    cut-2, break-2       the stream ends without an end, or breaks, after two parts
    error-2              the stream sends an error event after two parts; sound, which knows no events, breaks
"""
