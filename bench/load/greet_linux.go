//go:build linux

package load

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// greetTimeout is for one answer.
const greetTimeout = 10 * time.Second

// greet has one connection answered and closes it: what a server loads and allocates with its first one is then
// no part of what the others cost.
func greet(spec *Spec) error {
	if err := greetOnce(spec); err != nil {
		return fmt.Errorf("%w to the first connection: %w", ErrNoAnswer, err)
	}
	return nil
}

func greetOnce(spec *Spec) error {
	c, err := net.DialTimeout("tcp4", spec.Addr, greetTimeout)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(greetTimeout)); err != nil {
		return err
	}
	if spec.Path == "" {
		message := newPattern(spec.Size).at(0, spec.Size)
		if _, err := c.Write(message); err != nil {
			return err
		}
		_, err := io.ReadFull(c, message)
		return err
	}
	if _, err := c.Write(newHTTP(spec).request(spec, 0)); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
