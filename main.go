// Command klab is a Kafka lab: a real three-broker cluster, and a screen that shows and manages it.
package main

import (
	"os"

	"klab/cli"
	"klab/launcher"
)

func main() {
	launcher.Main() // does not return in a supervisor or one of its children, which are this same program
	os.Exit(cli.Main(os.Args[1:]))
}
