#!/usr/bin/env python3
"""Counts once however often it asks, with the Redis client that one has already.

    pip install redis                  # on Debian: apt install python3-redis
    python3 once_redis.py [KEY]

The server is at 127.0.0.1:6380 unless CUENTA_RESP=HOST:PORT says otherwise.
"""
import os
import sys
import time
import uuid

import redis

address = os.environ.get("CUENTA_RESP", "127.0.0.1:6380")
host, _, port = address.rpartition(":")
server = redis.Redis(host.strip("[]"), int(port), socket_timeout=5)


def once(*command):
    """Sends the command until an answer comes. The server knows it by its identity, and counts it the first time."""
    print(*command)
    for attempt in range(1, 6):
        try:
            answer = server.execute_command(*command)
            if attempt > 1:
                print(f"  attempt {attempt}: {answer}")
                return
            print("  attempt 1: the answer was lost")  # so we pretend: the change was made, and we do not know
        except (redis.ConnectionError, redis.TimeoutError) as e:
            print(f"  attempt {attempt}: {e}")
        except redis.ResponseError as e:
            if not str(e).startswith("TRYAGAIN"):
                sys.exit(f"refused: {e}")
            print(f"  attempt {attempt}: {e}")
        time.sleep(0.05 * 2**attempt)
    sys.exit("no answer; CUENTA.OUTCOME will tell whether it was counted")


try:
    before = int(server.get("visitas") or 0)

    # A key is for one change: the number of an order, or something unique.
    key = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
    once("CUENTA.ONCE", key, "INCRBY", "visitas", 5)

    # A program that counts much numbers its changes in a session, which costs less to remember.
    session = server.execute_command("CUENTA.SESSION").decode()
    for number in (1, 2):
        once("CUENTA.SEQ", session, number, "INCR", "visitas")

    print(f"visitas went from {before} to {int(server.get('visitas') or 0)}")
except redis.ConnectionError:
    sys.exit(f"no server at {address}; start one with `cuenta serve`, or set CUENTA_RESP=HOST:PORT")
