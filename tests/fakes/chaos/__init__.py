"""How does the gateway behave when an upstream does anything at all? A server process that misbehaves on request.

`python -m tests.fakes.chaos --port 0` prints `{"port": 41234}` and serves OpenAI chat completions. What it does with a
request is written in the request's model name (`behaviours.py` has the table). `process.py` starts one for a test.
"""
