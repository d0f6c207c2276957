package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/chromedp"

	"bongsu/deploy/demo"
)

// page is the console in a headless Chromium with an empty profile.
type page struct {
	ctx   context.Context
	close func()
}

// painted is one card's first appearance, as the console records it.
type painted struct {
	Alert     string `json:"alert"`
	Event     string `json:"event"`
	PaintedUS int64  `json:"painted_us"`
}

// openPage starts the browser and signs in as the operator of s. The caller closes the page.
func openPage(ctx context.Context, s *demo.System) (*page, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1920, 1080),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if path := os.Getenv("CHROMIUM"); path != "" {
		opts = append(opts, chromedp.ExecPath(path))
	}
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, opts...)
	ctx, closeTab := chromedp.NewContext(ctx)
	p := &page{ctx: ctx, close: func() { closeTab(); closeBrowser() }}
	err := p.signIn(s)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("console in Chromium: %w", err)
	}
	return p, nil
}

func (p *page) signIn(s *demo.System) error {
	if err := chromedp.Do(p.ctx, chromedp.Navigate(s.ConsoleURL+"/")); err != nil {
		return err
	}
	field := func(id string) string { return fmt.Sprintf("[data-testid=%q]", id) }
	if err := p.until("document.querySelector('" + field("login-user") + "') !== null"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.SendKeys(field("login-user"), s.User), chromedp.SendKeys(field("login-password"), s.Password),
		chromedp.Click(field("login-submit")))
	if err != nil {
		return err
	}
	return p.until("document.querySelector('.queue-page') !== null")
}

// until waits until an expression is true in the page.
func (p *page) until(expression string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression))
		if ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return errors.New("not within 30 s: " + expression)
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
}

// painted reads what the console has painted so far, at most its last 500 cards.
func (p *page) painted() ([]painted, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[[]painted]("window.__bongsu?.painted ?? []"))
}
