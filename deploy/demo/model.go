package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"bongsu/models/nano"
)

// DefaultModel is the detector that comes with the program.
const DefaultModel = nano.Name

// PublicModel is what is offered where the default will not do.
const PublicModel = "yolox-nano"

// publicLicence is its licence, as bongsu-edge model catalogue has it.
const publicLicence = "YOLOX-nano by Megvii, Apache-2.0, https://github.com/Megvii-BaseDetection/YOLOX/blob/main/LICENSE"

// realPictures says whether the default model will do where none is named: for real pictures only if
// its scores on such say so.
func (o *Options) realPictures() error {
	real, err := nano.OnReal()
	if err != nil {
		return err
	}
	if met, why := real.Met(); !met {
		what := `CAMERA=rtsp://...`
		if o.Camera == "" {
			what = `VIDEOS="..."`
		}
		return fmt.Errorf("%s is for the simulated cameras: %s.\nA public detector does it: make demo %s MODEL=%s\n(%s; you see its licence and are asked before it is fetched. MODEL=%s takes ours all the same.)",
			DefaultModel, why, what, PublicModel, publicLicence, DefaultModel)
	}
	return nil
}

// prepareModel sets s.Model and, for a public one, the folder that keeps it from one demo to the next.
func (s *System) prepareModel(ctx context.Context, o *Options) (err error) {
	switch {
	case o.Model == "" || o.Model == DefaultModel:
		fmt.Fprintln(o.Out, "demo: the model is", DefaultModel, "(another: MODEL=name or MODEL=file.onnx)")
		s.Model, err = s.tool(ctx, "", "bongsu-edge", "model", "install", "--accept-licence", "--models", s.models(), DefaultModel)
		return err
	case isFile(o.Model):
		fmt.Fprintln(o.Out, "demo: the model is", o.Model)
		s.Model, err = s.AddModel(ctx, o.Model)
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("MODEL=%s: this user has no cache folder to keep it in (%w): give MODEL a file", o.Model, err)
	}
	s.ModelsDir = filepath.Join(cache, "bongsu", "models")
	list, err := s.tool(ctx, "", "bongsu-edge", "model", "list", "--models", s.ModelsDir)
	if err != nil {
		return err
	}
	if s.Model = installed(list, o.Model); s.Model == "" {
		if s.Model, err = s.fetchModel(ctx, o); err != nil {
			return err
		}
	}
	fmt.Fprintln(o.Out, "demo: the model is", s.Model)
	return nil
}

// asks says whether preparing the model may ask the person something, or take long.
func (o *Options) asks() bool { return o.Model != "" && o.Model != DefaultModel && !isFile(o.Model) }

// isFile says whether MODEL names a file: names of models hold neither a dot nor a slash.
func isFile(model string) bool { return strings.ContainsAny(model, "./") || fileExists(model) }

// installed finds a model among the lines of `model list`: yolox-nano is yolox_nano_416.
func installed(list, model string) string {
	word := strings.ReplaceAll(strings.ToLower(model), "-", "_")
	for _, line := range strings.Split(list, "\n") {
		name, _, _ := strings.Cut(line, " ")
		plain := strings.ReplaceAll(name, "-", "_")
		if plain == word || strings.HasPrefix(plain, word+"_") {
			return name
		}
	}
	return ""
}

// fetchModel installs a public model: the person sees its licence, is asked about it, and sees how far
// the download is.
func (s *System) fetchModel(ctx context.Context, o *Options) (string, error) {
	args := []string{"model", "install", "--models", s.ModelsDir}
	if o.AcceptLicence {
		args = append(args, "--accept-licence")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, "bongsu-edge"), append(args, o.Model)...)
	var name strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.In, &name, o.Out // a terminal stays one: the question and the progress need it
	if err := cmd.Run(); err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) && ended.ExitCode() == 2 {
			return "", fmt.Errorf("MODEL=%s was not installed: accept its licence with ACCEPT_LICENCE=1 when nobody can be asked", o.Model)
		}
		return "", fmt.Errorf("MODEL=%s was not installed (%w): the reason stands above", o.Model, err)
	}
	return strings.TrimSpace(name.String()), nil
}
