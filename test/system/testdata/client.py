"""Drives a server with Debian's python3-redis, as any Python program would."""

import sys

import redis

r = redis.Redis(port=int(sys.argv[1]))
assert r.incr("python") == 1
assert r.incrby("python", 12) == 13
assert r.get("python") == b"13"
assert r.get("none") is None
assert r.set("python", 5, nx=True) is None
with r.pipeline(transaction=True) as p:
    for _ in range(1000):
        p.incr("python")
    assert p.execute()[-1] == 1013
with r.pipeline() as p:
    p.watch("python")
    value = int(p.get("python"))
    p.multi()
    p.set("copy", value)
    assert p.execute() == [True]
assert sorted(r.scan_iter("*")) == [b"copy", b"python"]
assert r.delete("copy", "none") == 1
try:
    r.set("python", "many")
except redis.ResponseError as e:
    assert "not an integer" in str(e), e
else:
    raise AssertionError("a word was taken for a number")
print("done")
