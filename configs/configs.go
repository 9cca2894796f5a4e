// Package configs holds the files that a person starts from: a cluster of three brokers and a ZooKeeper on one machine. They are
// part of the binary, so that klab needs nothing beside it; copies of them, changed, are what --file takes.
package configs

import "embed"

// Pseudo is the name in [Files] of the cluster file that klab starts when it is given none.
const Pseudo = "pseudo.toml"

// Files holds pseudo.toml and the broker files that it names.
//
//go:embed *.toml
var Files embed.FS
