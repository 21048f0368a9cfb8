package proc

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/cuenta-server/cuenta/internal/front/fronttest"
)

// countLines reads n answers.
func countLines(conn net.Conn, n int, buf []byte) error {
	for n > 0 {
		got, err := conn.Read(buf)
		if err != nil {
			return err
		}
		n -= bytes.Count(buf[:got], []byte{'\n'})
	}
	return nil
}

// BenchmarkPool counts with 50 connections, without a journal: what the front
// itself can do.
func BenchmarkPool(b *testing.B) {
	for _, workers := range []int{1, 2} {
		for _, depth := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("workers=%d/depth=%d", workers, depth), func(b *testing.B) {
				r := serve(b, Config{Service: fronttest.NewService(), Workers: workers})
				const conns = 50
				all := make([]net.Conn, conns)
				for i := range all {
					all[i] = r.dial(b)
					defer all[i].Close()
				}
				rounds := b.N/conns/depth + 1
				commands := bytes.Repeat([]byte("inc.1\n"), depth)
				b.ResetTimer()
				var wg sync.WaitGroup
				for _, conn := range all {
					wg.Go(func() {
						buf := make([]byte, 16<<10)
						for range rounds {
							if _, err := conn.Write(commands); err != nil {
								b.Error(err)
								return
							}
							if err := countLines(conn, depth, buf); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(rounds*conns*depth)/b.Elapsed().Seconds(), "ops/s")
			})
		}
	}
}

// BenchmarkFirstAnswer is the life of a connection with a process of its own:
// how long a client waits for its first answer.
func BenchmarkFirstAnswer(b *testing.B) {
	r := serve(b, Config{Service: fronttest.NewService()})
	buf := make([]byte, 64)
	for b.Loop() {
		conn := r.dial(b)
		if _, err := io.WriteString(conn, "inc.1\n"); err != nil {
			b.Fatal(err)
		}
		if err := countLines(conn, 1, buf); err != nil {
			b.Fatal(err)
		}
		conn.Close()
	}
}

// BenchmarkBareProcess starts and awaits a process that does nothing: what of
// the above is not ours.
func BenchmarkBareProcess(b *testing.B) {
	for b.Loop() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = []string{workerEnv + "={"}
		_ = cmd.Run() // exits with 2
	}
}
