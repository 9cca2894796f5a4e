package cli

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newZK(a *app) *cobra.Command {
	var connect string
	cmd := &cobra.Command{Use: "zk", Short: "look at the znodes that the cluster keeps in ZooKeeper"}
	cmd.PersistentFlags().StringVar(&connect, "zookeeper", "", "host:port,…[/chroot] of a ZooKeeper (else that of the launched cluster)")
	cmd.AddCommand(
		a.zkCommand(&connect, "ls [PATH]", "list the children of a znode", a.zkList),
		a.zkCommand(&connect, "get PATH", "show a znode's data and its stat", a.zkGet),
		a.zkCommand(&connect, "tree [PATH]", "list a znode with all that is below it", a.zkTree),
	)
	return requireSubcommand(cmd)
}

type zkAction func(ctx context.Context, z *cluster.Znodes, path string) error

func (a *app) zkCommand(connect *string, use, short string, do zkAction) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(use, " PATH") && len(args) == 0 {
				return badInput("cannot get a znode: give its path; see %s --help", cmd.CommandPath())
			}
			at := "/" + strings.Trim(strings.Join(args, ""), "/")
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			z, err := a.znodes(ctx, *connect)
			if err != nil {
				return err
			}
			defer z.Close()
			return do(ctx, z, path.Clean(at))
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func (a *app) znodes(ctx context.Context, connect string) (*cluster.Znodes, error) {
	if connect != "" {
		return cluster.OpenZnodes(ctx, connect)
	}
	client, err := a.supervisor(ctx)
	if err != nil {
		return nil, err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return nil, a.absent(err)
	}
	if s.ZooKeeper == nil {
		return nil, fmt.Errorf("cluster %s has no ZooKeeper", s.Name)
	}
	return cluster.OpenZnodes(ctx, s.ZooKeeper.Connect)
}

func (a *app) zkList(ctx context.Context, z *cluster.Znodes, at string) error {
	names, err := z.Children(ctx, at)
	if err != nil {
		return err
	}
	if a.out.json {
		return a.out.value(names)
	}
	for _, name := range names {
		if err := a.out.line("%s", a.out.text(name)); err != nil {
			return err
		}
	}
	return nil
}

// znodeJSON is a znode as -o json shows it.
type znodeJSON struct {
	Path           string    `json:"path"`
	Data           *string   `json:"data"`
	DataBase64     string    `json:"data_base64,omitempty"`
	Version        int32     `json:"version"`
	Children       int32     `json:"children"`
	EphemeralOwner int64     `json:"ephemeral_owner"`
	Created        time.Time `json:"created"`
	Modified       time.Time `json:"modified"`
	CreatedZxid    int64     `json:"czxid"`
	ModifiedZxid   int64     `json:"mzxid"`
}

func newZnodeJSON(at string, n cluster.Znode) znodeJSON {
	j := znodeJSON{
		Path: at, Version: n.Version, Children: n.Children, EphemeralOwner: n.EphemeralOwner,
		Created: n.Created, Modified: n.Modified, CreatedZxid: n.CreatedZxid, ModifiedZxid: n.ModifiedZxid,
	}
	j.Data, j.DataBase64 = jsonBytes(n.Data)
	return j
}

func (a *app) zkGet(ctx context.Context, z *cluster.Znodes, at string) error {
	n, err := z.Get(ctx, at)
	if err != nil {
		return err
	}
	if a.out.json {
		return a.out.value(newZnodeJSON(at, n))
	}
	if err := a.out.line("%s", a.out.text(string(n.Data))); err != nil {
		return err
	}
	if !a.out.terminal {
		return nil // the data alone, as it is
	}
	owner := "persistent"
	if n.EphemeralOwner != 0 {
		owner = fmt.Sprintf("ephemeral, of session %#x", n.EphemeralOwner)
	}
	return a.out.line("version %d, %d children, %s, changed %s (zxid %#x)", n.Version, n.Children, owner, n.Modified.Local().Format(time.DateTime), n.ModifiedZxid)
}

func (a *app) zkTree(ctx context.Context, z *cluster.Znodes, at string) error {
	for found, err := range z.Walk(ctx, at) {
		if err != nil {
			return err
		}
		if a.out.json {
			err = a.out.value(newZnodeJSON(found.Path, found.Znode))
		} else {
			err = a.printZnode(at, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printZnode(root string, n cluster.PathZnode) error {
	depth := strings.Count(strings.TrimSuffix(n.Path, "/"), "/") - strings.Count(strings.TrimSuffix(root, "/"), "/")
	name := path.Base(n.Path)
	if depth == 0 {
		name = n.Path
	}
	mark := ""
	if n.EphemeralOwner != 0 {
		mark = " (ephemeral)"
	}
	return a.out.line("%s%s%s  %s", strings.Repeat("  ", depth), a.out.text(name), mark, a.out.text(string(n.Data)))
}
