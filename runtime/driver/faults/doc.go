// Package faults wraps an engine so that it misbehaves, as far as the contract of
// package driver and the systems below allow, at random and from a seed.
//
// It is for tests. [Contract] gives the faults that no owner of an operation may
// notice but by their order and size; drivertest passes with them. [Harmless] adds
// repeating operations that end early and lost datagrams, [All] a lack of descriptors,
// connections that the network cuts and disks that are full.
//
// The seed decides about faults alone. What the kernel and the peers do in the
// meantime it does not, so a run repeats in kind, not to the letter.
package faults
