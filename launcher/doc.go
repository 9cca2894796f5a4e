// Package launcher turns a cluster file into running, supervised, breakable processes, and finds them again.
//
// [Up] starts a supervisor that outlives the terminal (package supervisor) and returns when every broker is registered and
// serves; [Down] ends it. In between, supervisor.Dial gives a client that asks, acts, and reads events and logs. [Main] must be
// called first by the program's main: a supervisor and its children are this same binary under other arguments.
//
// Everything on the disk is below a home ([Home]):
//
//	HOME/run/               how the supervisor is found: lock, socket, record
//	HOME/CLUSTER/           one cluster: cluster.json, events.jsonl, logs/, and its data where the cluster file puts it
package launcher
