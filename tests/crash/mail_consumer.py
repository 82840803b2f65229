"""What test_mail_kill.py kills: a consumer of mail that says which mail it has looked at, and dies before it is done.

Arguments: the address of the store, the id of the session, and how many mails to be done with before.
"""

import sys
import time

from turnlog import Session, open_store


def main(address: str, session: str, done: str) -> None:
    """Says the id of each mail, acknowledges as many as it was told, and then hangs until it is killed."""
    with open_store(address) as store:
        exchange = Session.open(session, store=store).mail
        exchange.route()
        for number, mail in enumerate(exchange.inbox("consumer")):
            sys.stdout.write(f"{mail.id} {mail.content}\n")
            sys.stdout.flush()
            if number == int(done):
                break
            exchange.acknowledge("consumer", mail)
        time.sleep(3600)


if __name__ == "__main__":
    main(*sys.argv[1:])
