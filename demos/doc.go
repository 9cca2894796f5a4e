// Package demos is klab's lessons: the file that describes one, its lint, and what runs it on a real cluster.
//
// # Contract
//
//   - A lesson is a TOML file (file.go). It names a question, acts on the cluster, and says what must then be observed. The
//     file that teaches on the screen is the file that runs headless in CI.
//   - A step ends when a state was observed, never because time has passed; time only bounds it. An observable without a
//     fresh sample is unknown, and unknown is not false: until goes on waiting, never and expect fail as not observed.
//   - The course of a lesson is a pure core ([Script]): samples, intents and finished actions in, actions and a view out.
//     [Run] is the shell around it: it samples, acts, keeps the actors, and cleans up whatever the outcome.
//   - A lesson runs only on a cluster that klab started. Its topics carry the prefix "demo." and are deleted afterwards; every
//     broker that it stopped, killed or paused is brought back.
package demos
