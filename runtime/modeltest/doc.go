// Package modeltest runs random programs over real runtimes and holds what comes
// of them against a simple model. It has tests only.
//
// A program opens some links, each two connections that speak to each other,
// perhaps through a relay, and lets both ends send, receive, pause, move between
// loops, fail and close in any order. Whatever it does:
//
//   - what one end receives is the beginning of what the other end sent;
//   - who sees the end of a stream has received all of it;
//   - without a close, failure or time-out everything arrives, and nobody is told
//     of an error;
//   - every connection is closed once, with an error that the program explains,
//     and every callback is called once;
//   - when the runtime closes, every chunk is back in its pool.
//
// The programs run plain and over an engine that misbehaves (driver/faults). Their
// number is bounded by time: -model.time sets how long each combination of engine
// and faults may take. With -model.programs it is their number that is set, all
// combinations together, and the total is printed (`make model PROGRAMS=100000`).
// Programs whose links a fault kept from being made are void and do not count.
//
// -model.seed repeats all programs of a run. A failure prints the -rapid.seed that
// repeats its program and the faults in it, which start anew with each program; the
// timing between kernel and loops does not repeat. Programs that failed once are kept
// as regressions.
package modeltest
