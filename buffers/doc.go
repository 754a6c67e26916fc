// Package buffers is the memory of the runtime: blocks mapped outside the Go
// heap, counted views of them, and lists of views, so that received bytes are
// parsed, relayed, written to disk and sent without being copied.
//
//   - A [Pool] maps segments and carves them into blocks of a few sizes.
//   - A [Chunk] is a counted view of a block.
//   - A [Chain] is a list of chunks.
//   - A [Budget] bounds what all pools of a runtime map together.
//
// # Who owns what
//
// Every chunk has one owner at a time, and the owner releases it exactly once
// or hands it on. What hands ownership on:
//
//	Pool.Get, Pool.Chunk, Pool.Share, Wrap   to the caller
//	Chunk.Slice                              of a new view to the caller; the old view stays whose it is
//	Chain.Append, Prepend, AppendChain       to the chain
//	Chain.Pop, Split, TakeAll                from the chain to the caller
//	passing a Chain by value                 to whoever received it
//	Pool.Lend                                of a block to the kernel, until Pool.Chunk or Pool.Unlend
//
// Chain.Discard, Read, ReadByte, WriteTo and Release end ownership. Front,
// Tail, Next, All, Peek, Buffers and Chunk.Bytes lend: what they return is
// valid until the chain changes or the chunk is released.
//
// A block goes back to its pool when its last view is released, on whatever
// goroutine that happens. Only then may its bytes change under another owner.
//
// # Who may call what
//
// Pool, Budget and Chunk.Release may be used from any goroutine. A single
// Chunk or Chain belongs to one goroutine at a time; different views of one
// block do not.
//
// # Whose bytes a view shows
//
// A view covers bytes that were received, copied or extended over, and no
// others: Bytes has its capacity clipped, and Slice can not reach beyond it.
// Room alone shows what a former owner left, to writers; Config.Zero wipes it.
//
// # The invariants build
//
// With -tags invariants a released block is filled with 0xDB and the filling
// is checked when the block is used again; no chunk is ever recycled, so that
// every use after release panics and names the stack of the release; and a
// [LeakError] names where each leaked chunk was taken. Tests should run so.
package buffers
