package main

import (
	"context"
	"log/slog"

	"github.com/holdfast-go/holdfast"
)

// audit returns an Observer that logs the logins, the ends of users' sessions,
// and requests with an ID that nobody has issued or that has ended. It leaves
// out visitors who come and go.
func audit(log *slog.Logger) func(context.Context, holdfast.Event) {
	return func(ctx context.Context, e holdfast.Event) {
		if e.UserID != "" || e.Kind == holdfast.EventRefused {
			log.LogAttrs(ctx, slog.LevelInfo, "session", slog.Any("event", e))
		}
	}
}
