"""The checklist of ../checklist for the clients of Python.

A program makes a class with its library and calls main. Members of groups are processes of their own, so that they can
be killed: `PROGRAM BOOTSTRAP --member JSON` takes a seat and prints what happens to it, one line each:
`assigned [0, 1]` and `revoked [0]` with partitions, `record VALUE`.
"""

import concurrent.futures
import contextlib
import fnmatch
import json
import subprocess
import sys
import threading
import time
import traceback
import uuid
from typing import NamedTuple, Optional

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
PARTITIONS = 6
SESSION_MS = 6000


class Unsupported(Exception):
    """The library has no means for this."""


class Message(NamedTuple):
    key: bytes
    value: bytes
    header: str
    time: int  # milliseconds
    partition: int = 0
    offset: Optional[int] = None


class Seat(NamedTuple):
    group: str
    topic: str
    cooperative: bool = False
    instance: Optional[str] = None


def messages(n, label, start=None, step=1, partitions=1):
    """n messages that differ, step milliseconds apart, large and alike enough that compression pays."""
    start = int(time.time() * 1000) if start is None else start
    return [
        Message(b"key-%d" % i, f"{label}-{i} ".encode() + b"klab " * (i % 50), f"header-{i}", start + i * step, i % partitions)
        for i in range(n)
    ]


def check(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def same(want, got):
    """Contents in order; offsets are the broker's."""
    check(len(want) == len(got), f"read {len(got)} messages, want {len(want)}")
    for i, (w, g) in enumerate(zip(want, got)):
        check(w[:4] == g[:4], f"message {i} is {g}, want {w}")


def until(what, want, question):
    """Repeats a question, since brokers hear of a change one after the other."""
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        try:
            last = question()
        except Unsupported:
            raise
        except Exception as e:  # libraries raise all kinds of things
            last = e
        if last == want:
            return
        time.sleep(0.05)
    raise AssertionError(f"not within 45 s: {what} is {want}, it is {last!r}")


def refused(what, call):
    try:
        call()
    except Unsupported:
        raise
    except Exception:
        return
    raise AssertionError(f"{what} was accepted")


class Member:
    """A process that sits in a group, and its diary."""

    def __init__(self, bootstrap, seat):
        self.process = subprocess.Popen(
            [sys.executable, sys.argv[0], bootstrap, "--member", json.dumps(seat._asdict())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.held, self.seen, self.rebalances, self.revoked = set(), set(), 0, 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "assigned":
                self.held |= set(json.loads(rest))
                self.rebalances += 1
            elif word == "revoked":
                self.held -= set(json.loads(rest))
                self.revoked += len(json.loads(rest))
            elif word == "record":
                self.seen.add(rest)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def leave(self):
        """Closes in the library's way: a dynamic member leaves the group, a static one does not."""
        self.process.stdin.close()
        self.process.wait()


def tell(word, what):
    """Tells the parent of a member what happened."""
    print(word, what if word == "record" else json.dumps(sorted(what)), flush=True)


class Party:
    """A group of this run with its members."""

    def __init__(self, suite, name):
        self.suite, self.group, self.topic = suite, suite.name(name), suite.topic(name, PARTITIONS)
        self.members, self.sent = [], 0

    def join(self, **seat):
        self.members.append(Member(self.suite.bootstrap, Seat(self.group, self.topic, **seat)))

    def settles(self, when):
        """Waits until the members share all partitions evenly, then has messages reach them."""
        share = PARTITIONS // len(self.members)
        until(f"{when}, the share", ([share] * len(self.members), PARTITIONS), lambda: (
            [len(m.held) for m in self.members], len(set().union(*(m.held for m in self.members)))))
        batch = messages(10 * PARTITIONS, f"part-{self.sent}", partitions=PARTITIONS)
        self.sent += 1
        self.suite.client.produce(self.topic, batch)
        until(f"{when}, what is left to consume", set(), lambda: {m.value.decode() for m in batch}.difference(
            *(m.seen for m in self.members)))

    def revoked(self):
        return sum(m.revoked for m in self.members)

    def close(self):
        for m in self.members:
            m.leave()


class Suite:
    def __init__(self, library, client, bootstrap):
        self.client, self.bootstrap = client, bootstrap
        self.prefix = f"{library}-{uuid.uuid4().hex[:6]}-"
        self.failed = False
        self.lock = threading.Lock()

    def name(self, what):
        return self.prefix + what

    def topic(self, what, partitions=1, configs=None):
        self.client.create_topic(self.name(what), partitions, configs or {})
        return self.name(what)

    def run(self, pattern):
        """The checks of groups wait for timers most of the time and so run beside the others."""
        groups = [("group-eager", lambda: self.dynamic("group-eager", False)),
                  ("group-cooperative", lambda: self.dynamic("group-cooperative", True)), ("group-static", self.static)]
        rest = [(f"produce-{c}", lambda c=c: self.produce(c)) for c in CODECS] + [
            ("idempotent", self.idempotent), ("transaction", self.transaction), ("transaction-offsets", self.transaction_offsets),
            ("transaction-fenced", self.transaction_fenced), ("seek-by-time", self.seek), ("commit-and-resume", self.resume),
            ("admin-topics", self.admin_topics), ("admin-configs", self.admin_configs), ("admin-offsets", self.admin_offsets),
            ("admin-delete-records", self.admin_delete_records), ("admin-offset-delete", self.admin_offset_delete),
            ("admin-groups", self.admin_groups), ("admin-group-delete", self.admin_group_delete)]
        with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
            for item in groups:
                pool.submit(self.one, pattern, *item)
            for item in rest:
                self.one(pattern, *item)
        return not self.failed

    def one(self, pattern, name, run):
        if not fnmatch.fnmatch(name, pattern):
            return
        try:
            run()
            line = f"ok {name}"
        except Unsupported as e:
            line = f"n/a {name}: {e}"
        except BaseException as e:
            traceback.print_exc()
            self.failed = True
            line = f"FAIL {name}: {e!r}"
        with self.lock:
            print(line, flush=True)

    def produce(self, codec):
        self.round_trip(f"produce-{codec}", codec=codec)

    def idempotent(self):
        self.round_trip("idempotent", idempotent=True)

    def round_trip(self, name, **how):
        topic = self.topic(name)
        want = messages(1000, name)
        self.client.produce(topic, want[:500], **how)
        self.client.produce(topic, want[500:], **how)
        got = self.client.read(topic, 1000)
        same(want, got)
        check([m.offset for m in got] == list(range(1000)), "the offsets are not 0 to 999")

    def transaction(self):
        """Commits, aborts and commits: read_committed sees the first and the last, read_uncommitted all."""
        topic = self.topic("transaction")
        first, aborted, last = (messages(20, label) for label in ("first", "aborted", "last"))
        for batch in first, aborted, last:
            self.client.transact(self.name("tx"), topic, batch, commit=batch is not aborted)
        same(first + last, self.client.read(topic, 40, committed=True))
        same(first + aborted + last, self.client.read(topic, 60))

    def transaction_offsets(self):
        """Moves messages in transactions, the first of which is aborted; offsets are committed with them or not at all."""
        source, sink, group = self.topic("transform-in"), self.topic("transform-out"), self.name("transform")
        want = messages(30, "transform")
        self.client.produce(source, want)
        for n, commit, committed in (10, False, -1), (10, True, 10), (20, True, 30):
            self.client.transform(self.name("transform-tx"), group, source, sink, n, commit)
            self.offset_becomes(group, source, committed)
        same(want, self.client.read(sink, 30, committed=True))

    def transaction_fenced(self):
        self.client.fence(self.name("fenced-tx"), self.topic("fenced"))

    def seek(self):
        """Starts at the first message that is not older than a time between two messages."""
        topic = self.topic("seek")
        want = messages(100, "seek", int(time.time() * 1000) - 3_600_000, 30_000)
        for i in range(0, 100, 10):  # several batches, so that the index and the batch are both searched
            self.client.produce(topic, want[i:i + 10])
        same(want[42:], self.client.read(topic, 58, since=want[41].time + 1))

    def resume(self):
        """Reads a part as a group and comes back for the rest."""
        topic, group = self.topic("resume"), self.name("resume")
        want = messages(100, "resume")
        self.client.produce(topic, want)
        first = self.client.consume(group, topic, 37)
        self.offset_becomes(group, topic, 37)
        same(want, first + self.client.consume(group, topic, 63))

    def offset_becomes(self, group, topic, want):
        until("the committed offset", want, lambda: self.client.group_offset(group, topic))

    def admin_topics(self):
        topic, c = self.topic("admin", 2), self.client
        until("the number of partitions", 2, lambda: c.partitions(topic))
        refused("a topic that exists", lambda: c.create_topic(topic, 2, {}))
        c.add_partitions(topic, 5)
        until("the number of partitions", 5, lambda: c.partitions(topic))
        refused("fewer partitions", lambda: c.add_partitions(topic, 3))
        c.delete_topic(topic)
        until("the number of partitions", 0, lambda: c.partitions(topic))

    def admin_configs(self):
        topic, c = self.topic("configs", configs={"retention.ms": "7200000"}), self.client
        until("retention.ms", "7200000", lambda: c.topic_config(topic, "retention.ms"))
        c.set_topic_config(topic, "retention.ms", "3600000")
        until("retention.ms", "3600000", lambda: c.topic_config(topic, "retention.ms"))
        refused("retention.ms=soon", lambda: c.set_topic_config(topic, "retention.ms", "soon"))
        value = c.broker_config(1, "group.max.session.timeout.ms")
        check(value == "1800000", f"broker 1 has group.max.session.timeout.ms={value}")

    def admin_offsets(self):
        """Moves a group's offsets."""
        topic, group, c = self.topic("offsets"), self.name("offsets"), self.client
        want = messages(50, "offsets")
        c.produce(topic, want)
        c.consume(group, topic, 50)
        c.set_group_offset(group, topic, 20)
        self.offset_becomes(group, topic, 20)
        same(want[20:], c.consume(group, topic, 30))

    def admin_delete_records(self):
        topic = self.topic("delete-records")
        self.client.produce(topic, messages(50, "records"))
        span = self.client.offsets(topic)
        check(span == (0, 50), f"the partition is {span}, want (0, 50)")
        self.client.delete_records(topic, 30)
        span = self.client.offsets(topic)
        check(span == (30, 50), f"the partition is {span}, want (30, 50)")

    def admin_offset_delete(self):
        topic, group = self.topic("offset-delete"), self.name("offset-delete")
        self.client.produce(topic, messages(5, "offset"))
        self.client.consume(group, topic, 5)
        self.offset_becomes(group, topic, 5)
        self.client.delete_group_offset(group, topic)
        self.offset_becomes(group, topic, -1)

    def admin_groups(self):
        with self.group_of_one("groups") as group:
            check(group in self.client.list_groups(), f"{group} is not listed")

    def admin_group_delete(self):
        c = self.client
        with self.group_of_one("group-delete") as group:
            refused("the deletion of a group with a member", lambda: c.delete_group(group))
        c.delete_group(group)
        check(group not in c.list_groups(), f"{group} is still listed")

    @contextlib.contextmanager
    def group_of_one(self, name):
        """A group that is stable with one member; afterwards it is empty."""
        topic, group = self.topic(name, 2), self.name(name)
        member = Member(self.bootstrap, Seat(group, topic))
        try:
            until("the partitions held", {0, 1}, lambda: member.held)
            until("the group", ("stable", 1), lambda: self.client.describe_group(group))
            yield group
        finally:
            member.leave()
        until("the group", ("empty", 0), lambda: self.client.describe_group(group))

    def dynamic(self, name, cooperative):
        """Three members, one killed, one added, one leaving."""
        if cooperative and not self.client.cooperative:
            raise Unsupported("the library has no cooperative assignor")
        party = Party(self, name)
        try:
            for _ in range(3):
                party.join(cooperative=cooperative)
            party.settles("at first")
            killed = party.members.pop(1)
            before = party.revoked()
            killed.kill()
            party.settles("after a kill")
            check(not cooperative or party.revoked() == before, "the kill of one took partitions from the others")
            before = party.revoked()
            party.join(cooperative=cooperative)
            party.settles("after one joined")
            moved = party.revoked() - before
            check(not cooperative or moved <= 2, f"a new member took {moved} partitions from the others, want the 2 that it got")
            party.members.pop(0).leave()
            party.settles("after one left")
        finally:
            party.close()

    def static(self):
        """Restarts each static member: it gets its partitions back and the others notice nothing."""
        if not self.client.static:
            raise Unsupported("the library has no group.instance.id")
        party = Party(self, "group-static")
        try:
            for name in "abc":
                party.join(instance=name)
            party.settles("at first")
            for name in "abc":
                gone = party.members.pop(0)
                before = [m.rebalances for m in party.members]
                held = set(gone.held)
                gone.leave()
                party.join(instance=name)
                party.settles(f"after a restart of {name}")
                check(party.members[2].held == held, f"static member {name} held {held} and got {party.members[2].held}")
                check([m.rebalances for m in party.members[:2]] == before, f"the others rebalanced when {name} restarted")
        finally:
            party.close()


class Stop:
    """True when the parent has closed a member's standard input."""

    def __init__(self):
        self.closed = False
        threading.Thread(target=self.wait, daemon=True).start()

    def wait(self):
        sys.stdin.read()
        self.closed = True


def main(library, make):
    """make(bootstrap) is the client; with --member its member(seat, stop) sits in a group until stop.closed."""
    client = make(sys.argv[1])
    if len(sys.argv) > 3 and sys.argv[2] == "--member":
        client.member(Seat(**json.loads(sys.argv[3])), Stop())
        return
    pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
    sys.exit(0 if Suite(library, client, sys.argv[1]).run(pattern) else 1)
