"""How is another program told what happened? By messages to an address, signed by the Standard Webhooks specification.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

The observer takes messages where records are kept, and puts them into the outbox, from where workers deliver them as jobs
(`openai_api/jobs/webhooks.py`). So no message that is in the outbox is lost by a restart, and no secret is in it.
"""

from openai_api.interceptors.webhook.observer import Webhook

__all__ = ["Webhook"]
