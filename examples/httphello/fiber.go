package main

import (
	"bufio"
	"io"
	"net/http"

	"github.com/headrace/headrace/runtime/fiber"
)

// helloFiber serves one connection: requests in, greetings out, as long as the
// peer keeps it alive. While it waits for a request it has nothing to finish, and
// a shutdown of the runtime ends it.
func helloFiber(c *fiber.Conn) error {
	if err := c.WaitReadable(); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	for !c.Draining() {
		if r.Buffered() == 0 {
			c.SetBusy(false)
			if err := c.WaitReadable(); err != nil {
				return err
			}
		}
		c.SetBusy(true)
		req, err := http.ReadRequest(r)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return err
		}
		if _, err := c.WriteString(response); err != nil || req.Close {
			return err
		}
	}
	return nil
}
