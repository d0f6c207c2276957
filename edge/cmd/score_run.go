package cmd

import "context"

func scoreRun(ctx context.Context, m *Main, args []string) error { return usageError{"nyi"} }
