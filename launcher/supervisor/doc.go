// Package supervisor is the process that owns a cluster's processes, and the client that talks to it.
//
// # The supervisor
//
// [Serve] starts ZooKeeper and every broker at once, each a process of the operating system, and keeps what they say: facts
// become events, standard error becomes a log. It restarts nothing: a process that ended stays ended until somebody starts
// it, and its end is an event. It ends by a down, by SIGTERM, or with an error at the start; then no process, port or socket
// of the cluster is left.
//
// Children die with it, however it ends: each holds a life line (package link), and the kernel helps where it can: the
// parent-death signal on Linux, a job object on Windows. A child that is suspended dies as well: on Linux at once; on other
// Unix systems the kernel continues it, as POSIX asks for a process group that loses its parent, and it finds its life line cut.
//
// # Order and time
//
// Events are numbered in the order in which the supervisor learnt of them. An action's event has the time of its signal and
// is written before any event of its consequence; an end is written after everything that the process reported. A
// consequence that the supervisor can know carries the action's Seq as Cause.
//
// # The socket
//
// One line of JSON asks, lines of JSON answer (protocol.go); a connection carries one request. Requests are bounded, and
// only the user can open the socket. Whoever follows events holds a cursor and can be as slow as it likes; whoever follows a log
// and falls far behind is told so and let go.
package supervisor
