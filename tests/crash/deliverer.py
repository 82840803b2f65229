"""What test_kill_delivery.py kills: delivers the account of a store to a webhook until everything has arrived.

Arguments: the address of the store, the address of the webhook, and the certificate of who vouches for it.
"""

import ssl
import sys

from turnlog import open_store
from turnlog.infrastructure.read_models.lease import RunnerOptions
from turnlog.infrastructure.retry import RetryPolicy
from turnlog.logs import LogDelivery, WebhookLogSubscriber


def main(address: str, url: str, certificate: str) -> None:
    """Delivers."""
    subscriber = WebhookLogSubscriber(
        url,
        batch_size=3,
        allowed_networks=["127.0.0.0/8"],
        ssl_context=ssl.create_default_context(cafile=certificate),
        resolve=lambda host, port: ["127.0.0.1"],
    )
    options = RunnerOptions(retry=RetryPolicy(attempts=1, first_pause=0.01, longest_pause=0.05), lease=0.2, poll=0.02)
    with open_store(address) as store, LogDelivery(store, [subscriber], options=options) as delivery:
        delivery.await_delivery(subscriber.name, store.last_global_position(), timeout=300)


if __name__ == "__main__":
    main(*sys.argv[1:])
