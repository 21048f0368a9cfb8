package server

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/cuenta-server/cuenta/internal/config"
)

// Run serves until ctx ends, then drains. The banner goes to stdout, the log to
// stderr.
func Run(ctx context.Context, c config.Serve, version string, stdout, stderr io.Writer) error {
	s, err := New(Config{
		Serve:   c,
		Version: version,
		Banner:  stdout,
		Log:     slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.LogLevel})),
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Close()
}

func (s *Server) uptime() time.Duration { return time.Since(s.started) }
