#!/usr/bin/env python3
"""Counts once however often it asks, over HTTP, with nothing but Python itself.

    python3 once_http.py [KEY]

The server is at 127.0.0.1:1234 unless CUENTA_WEB=HOST:PORT says otherwise.
"""
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

address = os.environ.get("CUENTA_WEB", "127.0.0.1:1234")
counter = f"http://{address}/v1/counters/visitas"


def value():
    with urllib.request.urlopen(counter, timeout=5) as response:
        return json.load(response)["value"]


def add(amount, key):
    """Sends the change until an answer comes. The server knows it by its key, and counts it the first time."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    change = urllib.request.Request(counter + ":add", json.dumps({"amount": amount}).encode(), headers)
    print(f"add {amount} to visitas, Idempotency-Key: {key}")
    for attempt in range(1, 6):
        try:
            with urllib.request.urlopen(change, timeout=5) as response:
                answer = json.load(response)
            if attempt > 1:
                print(f"  attempt {attempt}: {answer['value']}" + (" (replayed)" if answer["replayed"] else ""))
                return
            print("  attempt 1: the answer was lost")  # so we pretend: the change was made, and we do not know
        except urllib.error.HTTPError as e:
            if e.code != 503:  # busy, or stopping; the others are final
                sys.exit(f"refused: {e.read().decode().strip()}")
            print(f"  attempt {attempt}: {e}")
        except (OSError, http.client.HTTPException) as e:
            print(f"  attempt {attempt}: {e}")
        time.sleep(0.05 * 2**attempt)
    sys.exit(f"no answer; GET /v1/outcomes/{key} will tell whether it was counted")


try:
    before = value()
    # A key is for one change: the number of an order, or something unique.
    add(5, sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4()))
    print(f"visitas went from {before} to {value()}")
except OSError:
    sys.exit(f"no server at {address}; start one with `cuenta serve`, or set CUENTA_WEB=HOST:PORT")
