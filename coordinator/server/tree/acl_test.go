package tree

import (
	"slices"
	"testing"
)

func TestDigestIsZooKeepers(t *testing.T) {
	if got := DigestIdentity("super:test").ID; got != "super:D/InIHSb7yEEbrWz8b9l71RjZJU=" {
		t.Fatalf("got %s", got)
	}
}

func TestMatching(t *testing.T) {
	alice := DigestIdentity("alice:secret")
	for name, tt := range map[string]struct {
		acl  ACL
		who  []Identity
		want bool
	}{
		"world":             {ACL{PermRead, "world", "anyone"}, nil, true},
		"wrong permission":  {ACL{PermWrite, "world", "anyone"}, nil, false},
		"digest":            {ACL{PermRead, "digest", alice.ID}, []Identity{{"ip", "::1"}, alice}, true},
		"another digest":    {ACL{PermRead, "digest", alice.ID}, []Identity{DigestIdentity("alice:wrong")}, false},
		"super":             {ACL{PermWrite, "digest", alice.ID}, []Identity{{Scheme: SchemeSuper}}, true},
		"ip":                {ACL{PermRead, "ip", "10.1.2.3"}, []Identity{{"ip", "10.1.2.3"}}, true},
		"another ip":        {ACL{PermRead, "ip", "10.1.2.3"}, []Identity{{"ip", "10.1.2.4"}}, false},
		"network":           {ACL{PermRead, "ip", "10.1.0.0/16"}, []Identity{{"ip", "10.1.2.4"}}, true},
		"network, unmasked": {ACL{PermRead, "ip", "10.1.9.9/16"}, []Identity{{"ip", "10.1.2.4"}}, true},
		"other network":     {ACL{PermRead, "ip", "10.1.0.0/16"}, []Identity{{"ip", "10.2.2.4"}}, false},
		"ip v6":             {ACL{PermRead, "ip", "fe80::/10"}, []Identity{{"ip", "fe80::1"}}, true},
	} {
		if got := New(Options{}).MayRead([]ACL{tt.acl}, tt.who); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !New(Options{SkipACL: true}).MayRead([]ACL{{0, "digest", "x:y"}}, nil) {
		t.Error("skipACL does not skip")
	}
	if !New(Options{}).MayRead(nil, nil) {
		t.Error("no list at all must be open")
	}
}

func TestNormalACL(t *testing.T) {
	alice, bob := DigestIdentity("alice:a"), DigestIdentity("bob:b")
	who := []Identity{{"ip", "127.0.0.1"}, {Scheme: SchemeSuper}, alice, bob}
	got, code := normalACL([]ACL{{1, "auth", ""}, {1, "digest", alice.ID}, {31, "world", "anyone"}, {31, "world", "anyone"}}, who)
	want := []ACL{{1, "digest", alice.ID}, {1, "digest", bob.ID}, {31, "world", "anyone"}}
	if code != OK || !slices.Equal(got, want) {
		t.Errorf("got %v %v", got, code)
	}
	for _, bad := range []ACL{{31, "auth", ""}, {31, "world", "someone"}, {31, "digest", "nocolon"}, {31, "digest", "a:b:c"},
		{31, "ip", "300.1.1.1"}, {31, "ip", "10.0.0.0/33"}, {31, "x509", "x"}, {31, "super", ""}} {
		if _, code := normalACL([]ACL{bad}, who[:2]); code != InvalidACL {
			t.Errorf("%v: %v, want InvalidACL", bad, code)
		}
	}
}

func TestGetACLMasksDigests(t *testing.T) {
	w := newWorld(t, Options{})
	alice := DigestIdentity("alice:a")
	w.ok(nodeFor("/n", ACL{PermRead, "world", "anyone"}, ACL{PermAll, "digest", alice.ID}))
	if acl, _, code := w.tree.ACL("/n", nil); code != OK || acl[1].ID != "alice:x" {
		t.Errorf("a reader sees %v %v", acl, code)
	}
	if acl, _, code := w.tree.ACL("/n", []Identity{alice}); code != OK || acl[1].ID != alice.ID {
		t.Errorf("the administrator sees %v %v", acl, code)
	}
	if _, _, code := w.tree.Get("/n", nil); code != OK {
		t.Errorf("read: %v", code)
	}
	if code := w.do(SetData{"/n", nil, -1}).Code; code != NoAuth {
		t.Errorf("write: %v", code)
	}
}

// TestLostACLIsClosedUntilItIsReplayed: a snapshot taken while the server wrote may name a list that it does not have. The
// log tells it again.
func TestLostACLIsClosedUntilItIsReplayed(t *testing.T) {
	mine := []ACL{{PermAll, SchemeIP, "10.0.0.1"}}
	for name, again := range map[string]Change{
		"create": {Kind: KindCreate, Path: "/secret", ACL: mine, Version: 1},
		"setACL": {Kind: KindSetACL, Path: "/secret", ACL: mine, Version: 1},
	} {
		im := New(Options{}).Image()
		im.Nodes = append(im.Nodes, ImageNode{Path: "/secret", ACL: LostACL(), Czxid: 5}, ImageNode{Path: "/known", ACL: OpenACL(), Czxid: 6})
		im.Sort()
		tr, err := Restore(im, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, code := tr.Get("/secret", []Identity{{SchemeIP, "10.0.0.1"}}); code != NoAuth || !slices.Equal(tr.LostACLs(), []string{"/secret"}) {
			t.Errorf("%s: before it a stranger gets %v; lost are %v", name, code, tr.LostACLs())
		}
		tr.Replay(Txn{Stamp: Stamp{Zxid: 5}, Changes: []Change{again}})
		tr.Replay(Txn{Stamp: Stamp{Zxid: 6}, Changes: []Change{{Kind: KindCreate, Path: "/known", ACL: mine, Version: 2}}})
		if acl, _, _ := tr.ACL("/secret", []Identity{{SchemeIP, "10.0.0.1"}}); !slices.Equal(acl, mine) || len(tr.LostACLs()) > 0 {
			t.Errorf("%s: after it the list is %v; lost are %v", name, acl, tr.LostACLs())
		}
		if acl, _, _ := tr.ACL("/known", nil); !IsOpen(acl) {
			t.Errorf("%s: a list that the snapshot has became %v", name, acl)
		}
	}
	if _, code := normalACL(LostACL(), nil); code != InvalidACL {
		t.Errorf("a client may set it: %v", code)
	}
}
