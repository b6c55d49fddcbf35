"""Pays three times, pays them once more, asks what the store makes of it: example.py HOST:PORT [HOST:PORT …]

The server serves definitions/fraud. Every line that this prints holds for any run on a fresh store.
"""
import datetime
import sys

from feature_store import FeatureStore

SPENT = ["customer_spend:nb_tx_1d", "customer_spend:avg_amount_1d"]


def payment(number, now, amount):
    return {"tx_id": number, "tx_time": now + datetime.timedelta(seconds=number - 10), "customer_id": 596, "terminal_id": 3156, "amount": amount, "fraud": False}


def main(servers):
    store = FeatureStore(*servers, timeout=5)
    now = datetime.datetime.now(datetime.timezone.utc)
    payments = [payment(1, now, 10.0), payment(2, now, 20.0), payment(3, now, 60.0)]

    pushed = store.push("transactions", payments)
    print(f"pushed: {pushed.accepted + pushed.duplicates} of 3 on disk")
    again = store.push("transactions", payments)
    print(f"pushed again: {again.accepted} accepted, {again.duplicates} duplicates")

    known, unknown = store.get(SPENT, {"customer_id": [596, 597]})
    print(f"customer 596: {known[SPENT[0]]} payments, {known[SPENT[1]]} on average")
    print(f"customer 597: {unknown[SPENT[0]]} payments, {unknown[SPENT[1]]} on average ({unknown.statuses[SPENT[1]]})")

    observed = store.observe("transactions", payment(4, now, 30.0), SPENT)
    print(f"after the fourth: {observed[SPENT[0]]} payments, {observed[SPENT[1]]} on average")
    print(f"retries: {store.retries}")
    store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
