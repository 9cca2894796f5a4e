"""Runs kazoo's recipes against the server named in argv[1]; prints one line for each and exits 1 at the first failure."""

import sys
import threading

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import BadVersionError, NodeExistsError, NoAuthError, RolledBackError
from kazoo.security import make_digest_acl

PATIENCE = 10


def client(**options):
    c = KazooClient(hosts=sys.argv[1], timeout=6, **options)
    c.start(timeout=PATIENCE)
    return c


def wait(event, what):
    assert event.wait(PATIENCE), what + " does not come"


def lock(a, b):
    first, second = a.Lock("/lock", "a"), b.Lock("/lock", "b")
    assert first.acquire(timeout=PATIENCE)
    assert not second.acquire(blocking=False)
    got = threading.Event()
    waiting = threading.Thread(target=lambda: second.acquire(timeout=PATIENCE) and got.set())
    waiting.start()
    assert first.contenders()[0] == "a"
    first.release()
    wait(got, "the lock")
    waiting.join()
    second.release()


def election(a, b):
    order, leading, retire = [], threading.Event(), threading.Event()

    def lead(name):
        order.append(name)
        if name == "a":
            leading.set()
            wait(retire, "retirement")

    first = threading.Thread(target=lambda: a.Election("/election", "a").run(lead, "a"))
    first.start()
    wait(leading, "the first leader")
    second = threading.Thread(target=lambda: b.Election("/election", "b").run(lead, "b"))
    second.start()
    retire.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert order == ["a", "b"], order


def data_watch(a, b):
    seen, changed, gone = [], threading.Event(), threading.Event()
    a.create("/watched", b"1")

    @b.DataWatch("/watched")
    def note(data, stat):
        seen.append(data)
        if data == b"2":
            changed.set()
        if stat is None:
            gone.set()

    a.set("/watched", b"2")
    wait(changed, "the change")
    a.delete("/watched")
    wait(gone, "the deletion")
    assert seen == [b"1", b"2", None], seen


def children_watch(a, b):
    full = threading.Event()
    a.create("/parent")

    @b.ChildrenWatch("/parent")
    def note(children):
        if sorted(children) == ["x", "y"]:
            full.set()

    a.create("/parent/x")
    a.create("/parent/y", ephemeral=True)
    wait(full, "the list of children")


def transaction(a, b):
    t = a.transaction()
    t.create("/t", b"1")
    t.set_data("/t", b"2", 0)
    t.check("/t", 1)
    assert t.commit()[0] == "/t"
    t = a.transaction()
    t.create("/u")
    t.check("/t", 9)
    results = t.commit()
    assert isinstance(results[0], RolledBackError) and isinstance(results[1], BadVersionError), results
    assert b.exists("/u") is None


def acl(a, b):
    a.create("/secret", b"x", acl=[make_digest_acl("u", "p", all=True)])
    try:
        a.get("/secret")
        raise AssertionError("read without permission")
    except NoAuthError:
        pass
    owner = client(auth_data=[("digest", "u:p")])
    assert owner.get("/secret")[0] == b"x"
    owner.stop()


def create_modes(a, b):
    path, stat = a.create("/modes/deep/s-", b"data", sequence=True, ephemeral=True, makepath=True, include_data=True)
    assert path == "/modes/deep/s-0000000000" and stat.owner_session_id == a.client_id[0]
    try:
        a.create(path)
        raise AssertionError("created twice")
    except NodeExistsError:
        pass


def chroot(a, b):
    a.ensure_path("/root")
    inside = KazooClient(hosts=sys.argv[1] + "/root", timeout=6)
    inside.start(timeout=PATIENCE)
    inside.create("/x")
    assert a.exists("/root/x") and inside.get_children("/") == ["x"]
    inside.stop()


def queue_counter_party_barrier(a, b):
    queue = a.Queue("/queue")
    queue.put(b"1")
    queue.put(b"2")
    assert [b.Queue("/queue").get(), b.Queue("/queue").get()] == [b"1", b"2"]
    one, two = a.Counter("/counter"), b.Counter("/counter")
    one += 2
    two += 3
    assert one.value == 5
    party = a.Party("/party", "a")
    party.join()
    assert list(b.Party("/party")) == ["a"]
    barrier = a.Barrier("/barrier")
    barrier.create()
    barrier.remove()
    assert b.Barrier("/barrier").wait(PATIENCE)


def closed_session(a, b):
    """The ephemeral of a client that ends goes at once; its watcher hears of it."""
    owner = client()
    gone, lost = threading.Event(), threading.Event()
    owner.create("/owned", ephemeral=True)

    @owner.add_listener
    def note_state(state):
        if state == KazooState.LOST:
            lost.set()

    @b.DataWatch("/owned")
    def note(data, stat):
        if stat is None:
            gone.set()

    owner.stop()
    wait(gone, "the deletion")
    wait(lost, "the end of the session")


def words(a, b):
    assert a.command(b"ruok") == "imok"
    assert a.server_version() == (3, 8, 4), a.server_version()


def main():
    a, b = client(), client()
    for check in (lock, election, data_watch, children_watch, transaction, acl, create_modes, chroot,
                  queue_counter_party_barrier, closed_session, words):
        check(a, b)
        print("ok", check.__name__, flush=True)
    a.stop()
    b.stop()


main()
