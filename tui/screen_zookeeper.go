package tui

import (
	"context"
	"path"
	"slices"
	"strings"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// zookeeper browses the znodes as a tree, and shows the chosen one's data and meaning.
type zookeeper struct {
	filter
	root   *znodeItem
	rows   cell.List
	shown  []*znodeItem // the tree as it is unfolded
	asking string       // the path being read
}

// znodeItem is one znode of the tree.
type znodeItem struct {
	path     string
	depth    int
	open     bool
	children []*znodeItem   // nil until read
	node     *cluster.Znode // nil until read
	err      error
}

func newZooKeeper() *zookeeper {
	root := &znodeItem{path: "/", open: true}
	return &zookeeper{root: root, shown: []*znodeItem{root}}
}

func (z *zookeeper) scope() keymap.Scope {
	if z.typing {
		return keymap.Search
	}
	return keymap.ZooKeeper
}

func (z *zookeeper) typed(e *env) effect {
	z.unfold()
	z.rows.Home()
	return nil
}

func (z *zookeeper) item() *znodeItem {
	if z.rows.Cursor >= len(z.shown) {
		return z.root
	}
	return z.shown[z.rows.Cursor]
}

func (z *zookeeper) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case e.src.Znodes() == nil:
		return e.text(words.NoZooKeeper)
	case isMove(intent), z.typing, intent == keymap.Filter, intent == keymap.Expand, intent == keymap.Collapse, intent == keymap.Reload:
		return possible()
	}
	return e.otherwise()
}

func (z *zookeeper) act(e *env, intent keymap.Intent) effect {
	item := z.item()
	switch {
	case z.filter.act(intent):
		z.unfold()
		return nil
	case intent == keymap.Reload:
		item.children, item.node = nil, nil
	case intent == keymap.Expand:
		item.open = true
	case intent == keymap.Collapse:
		z.collapse(item)
	default:
		moveRows(&z.rows, intent)
	}
	z.unfold()
	return z.enter(e)
}

// collapse folds an item, or goes to its parent when it is folded already.
func (z *zookeeper) collapse(item *znodeItem) {
	if item.open && len(item.children) > 0 && item != z.root {
		item.open = false
		return
	}
	parent := path.Dir(item.path)
	if i := slices.IndexFunc(z.shown, func(other *znodeItem) bool { return other.path == parent }); i >= 0 {
		z.rows.Cursor = i
	}
}

// enter reads what the chosen item lacks.
func (z *zookeeper) enter(e *env) effect {
	item, nodes := z.item(), e.src.Znodes()
	if nodes == nil || z.asking == item.path || item.node != nil && (item.children != nil || !item.open) {
		return nil
	}
	z.asking = item.path
	return operate{label: e.format(words.ReadingZnode, item.path), do: func(ctx context.Context) effect {
		node, err := nodes.Get(ctx, item.path)
		var names []string
		if err == nil {
			names, err = nodes.Children(ctx, item.path)
		}
		return update(func() effect {
			z.take(item, node, names, err)
			return nil
		})
	}}
}

// take puts what was read into the tree, and keeps what was unfolded unfolded.
func (z *zookeeper) take(item *znodeItem, node cluster.Znode, names []string, err error) {
	if z.asking == item.path {
		z.asking = ""
	}
	old := map[string]*znodeItem{}
	for _, child := range item.children {
		old[child.path] = child
	}
	item.node, item.err, item.children = &node, err, make([]*znodeItem, 0, len(names))
	for _, name := range names {
		child := &znodeItem{path: path.Join(item.path, name), depth: item.depth + 1}
		if known := old[child.path]; known != nil {
			child = known
		}
		item.children = append(item.children, child)
	}
	z.unfold()
}

// unfold makes the list of the items that are to be seen.
func (z *zookeeper) unfold() {
	chosen := z.item().path
	z.shown = z.shown[:0]
	var walk func(item *znodeItem)
	walk = func(item *znodeItem) {
		if z.matches(item.path) || item == z.root {
			if item.path == chosen {
				z.rows.Cursor = len(z.shown)
			}
			z.shown = append(z.shown, item)
		}
		if item.open || z.text() != "" {
			for _, child := range item.children {
				walk(child)
			}
		}
	}
	walk(z.root)
}

func (z *zookeeper) draw(c *cell.Canvas, b cell.Box, e *env) {
	if e.src.Znodes() == nil {
		drawEmpty(c, b, e.text(words.NoZooKeeper))
		return
	}
	b = z.filter.draw(c, b, e)
	tree, data := b.Left(max(b.W*2/5, 28))
	_, data = data.Left(2)
	if b.W < 100 {
		tree, data = b.Top(b.H * 3 / 5)
		_, data = data.Top(1)
	}
	z.drawTree(c, tree, e)
	z.drawNode(c, inner(data), e)
}

func (z *zookeeper) drawTree(c *cell.Canvas, b cell.Box, e *env) {
	z.rows.Fit(len(z.shown), b.H)
	from, to := z.rows.Visible()
	for i := from; i < to; i++ {
		item, y := z.shown[i], b.Y+i-from
		x := b.X + 1 + 2*item.depth
		c.Fill(cell.Box{X: x, Y: y, W: 1, H: 1}, cell.Muted, foldSign(item))
		name := path.Base(item.path)
		x += 2 + c.Text(x+2, y, b.X+b.W-x-3, cell.Plain, safe.CleanHead(name, 200))
		note := safe.Text{}
		if meaning, ok := znodeMeaning(item.path); ok {
			note = e.text(meaning)
		}
		if item.node != nil && item.node.EphemeralOwner != 0 {
			note = e.text(words.Ephemeral)
		}
		c.Text(x+2, y, b.X+b.W-x-3, cell.Muted, note)
		if i == z.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
}

func foldSign(item *znodeItem) rune {
	switch {
	case item.children != nil && len(item.children) == 0:
		return '·'
	case item.open && item.children != nil:
		return '▾'
	}
	return '▸'
}

func (z *zookeeper) drawNode(c *cell.Canvas, b cell.Box, e *env) {
	item := z.item()
	b = drawHeading(c, cell.Box{X: b.X - 1, Y: b.Y, W: b.W + 1, H: b.H}, safe.CleanHead(item.path, 400), safe.Text{})
	b = cell.Box{X: b.X, Y: b.Y, W: b.W, H: b.H}
	switch {
	case item.err != nil:
		drawLines(c, b, cell.Bad, sentence(item.err))
		return
	case item.node == nil:
		drawLines(c, b, cell.Muted, e.text(words.Reading))
		return
	}
	n := item.node
	owner := e.text(words.Persistent)
	if n.EphemeralOwner != 0 {
		owner = e.format(words.EphemeralOf, n.EphemeralOwner)
	}
	b = drawLines(c, b, cell.Muted, e.format(words.ZnodeFacts, n.Version, n.Children, len(n.Data), owner))
	if !n.Modified.IsZero() {
		b = drawLines(c, b, cell.Muted, e.format(words.ZnodeTimes, num.Stamp(n.Modified), n.ModifiedZxid))
	}
	if len(n.Data) == 0 {
		drawLines(c, b, cell.Muted, e.text(words.NoData))
		return
	}
	rows, _ := decode(n.Data, false)
	for _, row := range rows {
		b = drawLines(c, b, cell.Plain, safe.Clean(row))
	}
}

// znodeMeaning says what Kafka keeps under a path.
func znodeMeaning(p string) (words.ID, bool) {
	switch p {
	case "/controller":
		return words.ZnController, true
	case "/controller_epoch":
		return words.ZnControllerEpoch, true
	case "/brokers":
		return words.ZnBrokers, true
	case "/brokers/ids":
		return words.ZnBrokerIDs, true
	case "/brokers/topics":
		return words.ZnTopics, true
	case "/cluster":
		return words.ZnCluster, true
	case "/config":
		return words.ZnConfig, true
	case "/admin":
		return words.ZnAdmin, true
	case "/isr_change_notification":
		return words.ZnISR, true
	}
	if strings.HasPrefix(p, "/brokers/topics/") && path.Base(p) == "state" {
		return words.ZnState, true
	}
	return 0, false
}
