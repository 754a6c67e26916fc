package buffers_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/headrace/headrace/buffers"
)

func ExamplePool() {
	pool, err := buffers.NewPool(&buffers.Config{Budget: buffers.NewBudget(64 << 20)})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := pool.Get(100)
	c.Extend(copy(c.Room(), "hello"))
	fmt.Printf("%s: %d of %d bytes\n", c.Bytes(), c.Len(), c.Cap())
	c.Release()
	fmt.Println(pool.Close())
	// Output:
	// hello: 5 of 2048 bytes
	// <nil>
}

func ExampleChunk_Slice() {
	pool, _ := buffers.NewPool(nil)
	defer pool.Close()
	whole := pool.Get(0)
	whole.Extend(copy(whole.Room(), "head: body"))
	body := whole.Slice(6, 10) // the same memory, a release of its own
	whole.Release()
	fmt.Printf("%s\n", body.Bytes())
	body.Release()
	// Output: body
}

// A message in two pieces, of which the socket takes seven bytes at first.
func ExampleChain() {
	pool, _ := buffers.NewPool(nil)
	defer pool.Close()
	var queue buffers.Chain
	queue.AppendCopy(pool, []byte("HTTP/1.1 200 OK\n\n"))
	queue.Append(buffers.Wrap([]byte("a body of the caller's own"), nil))
	fmt.Println(queue.Len(), "bytes in", queue.Chunks(), "chunks")
	queue.Discard(7)
	_, _ = queue.WriteTo(os.Stdout)
	// Output:
	// 43 bytes in 2 chunks
	// 1 200 OK
	//
	// a body of the caller's own
}

func ExampleChain_Split() {
	pool, _ := buffers.NewPool(nil)
	defer pool.Close()
	var in buffers.Chain
	in.AppendCopy(pool, []byte("first line\nsecond"))
	for i := in.IndexByte('\n'); i >= 0; i = in.IndexByte('\n') {
		line := in.Split(i + 1) // shares the block, copies nothing
		fmt.Printf("%q, %d bytes wait for more\n", line.Bytes(), in.Len())
		line.Release()
	}
	in.Release()
	// Output: "first line\n", 6 bytes wait for more
}

func ExampleWrap() {
	file := []byte("hundreds of megabytes, mapped")
	c := buffers.Wrap(file, func() { fmt.Println("now it may be unmapped") })
	part := c.Slice(0, 8)
	c.Release()
	fmt.Printf("%s\n", part.Bytes())
	part.Release()
	// Output:
	// hundreds
	// now it may be unmapped
}

// An engine lends blocks to the kernel and makes chunks of those it filled.
func ExamplePool_Lend() {
	pool, _ := buffers.NewPool(nil)
	defer pool.Close()
	ring := make([]buffers.Block, 4)
	n := pool.LendN(pool.ClassFor(16<<10), ring)
	fmt.Println(n, "blocks of", ring[0].Size)

	// A completion says that the kernel put 1500 bytes into buffer 2.
	c := pool.Chunk(ring[2], 1500)
	ring[2], _ = pool.Lend(1)
	fmt.Println(c.Len(), "bytes received,", pool.Stats().Classes[1].Lent, "blocks lent")
	c.Release()
	for _, b := range ring {
		pool.Unlend(b)
	}
	// Output:
	// 4 blocks of 16384
	// 1500 bytes received, 4 blocks lent
}

func ExamplePool_Close() {
	pool, _ := buffers.NewPool(nil)
	c := pool.Get(1)
	var leak *buffers.LeakError
	if errors.As(pool.Close(), &leak) {
		fmt.Println(leak.Chunks, "chunk is still out")
	}
	c.Release() // the memory was left for it and goes now
	fmt.Println(pool.Close())
	// Output:
	// 1 chunk is still out
	// <nil>
}
