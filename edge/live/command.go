package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"bongsu"
)

// Commands does what the cloud asks for besides pictures; edge/setup implements it. It blocks for as
// long as that takes, until ctx ends at most.
type Commands interface {
	Command(ctx context.Context, c bongsu.Command) bongsu.Answer
}

// maxCommands is how many commands are done at once. The cloud sends fewer.
const maxCommands = 8

// answerTries is how often an answer is sent that the cloud does not take, and answerPause what lies
// between two tries.
const (
	answerTries = 3
	answerPause = time.Second
)

// features are the words for what this edge can do beyond live pictures.
func (l *Live) features() string {
	words := []string{bongsu.FeatureBoxes}
	if l.o.Commands != nil {
		words = append(words, bongsu.FeatureCommands)
	}
	return strings.Join(words, ", ")
}

// command does a command beside the connection, and answers it. Its body may hold a password: it is
// not logged.
func (c *control) command(ctx context.Context, b []byte) {
	l := c.live
	if l.o.Commands == nil {
		return // nobody said that this edge takes any
	}
	cmd, err := bongsu.ParseCommand(b)
	if err != nil {
		l.o.Log.Warn("the cloud sends a command that cannot be read", "error", err)
		return
	}
	select {
	case c.commands <- struct{}{}:
	default:
		c.running.Go(func() {
			c.answer(ctx, cmd.ID, bongsu.Refuse(http.StatusTooManyRequests, bongsu.CodeThrottled, "the box is busy with other requests: wait for them"))
		})
		return
	}
	c.running.Go(func() {
		defer func() { <-c.commands }()
		c.answer(ctx, cmd.ID, l.o.Commands.Command(ctx, cmd))
	})
}

// answer brings an answer to the cloud, which waits for it for a while only.
func (c *control) answer(ctx context.Context, id string, a bongsu.Answer) {
	l := c.live
	body, err := json.Marshal(a)
	if err == nil && len(body) > bongsu.MaxAnswerBytes {
		body, err = json.Marshal(bongsu.Refuse(http.StatusInternalServerError, bongsu.CodeTooLarge,
			fmt.Sprintf("the box's answer has %d bytes, the limit is %d", len(body), bongsu.MaxAnswerBytes)))
	}
	if err != nil {
		l.o.Log.Error("an answer cannot be written as JSON", "error", err)
		return
	}
	for try := 1; ; try++ {
		again, err := l.post(ctx, l.answers+id, body)
		if err == nil {
			return
		}
		if !again || try == answerTries {
			l.o.Log.Warn("the cloud does not take an answer", "error", err)
			return
		}
		pause := time.NewTimer(answerPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
	}
}

// post sends an answer once; again tells that another try may help.
func (l *Live) post(ctx context.Context, url string, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.o.DialTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header = l.header.Clone()
	r.Header.Set("Content-Type", "application/json")
	resp, err := l.o.Client.Do(r)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode >= 500, fmt.Errorf("it answers with status %d", resp.StatusCode)
	}
	return false, nil
}
