// Package buffers is the memory of the runtime: blocks mapped outside the Go
// heap, counted views of them, and lists of views, so that received bytes are
// parsed, relayed, written to disk and sent without being copied.
//
//   - A [Pool] maps segments and carves them into blocks of a few sizes.
//   - A [Chunk] is a counted view of a block.
//   - A [Chain] is a list of chunks.
//   - A [Budget] bounds what all pools of a runtime map together.
package buffers
