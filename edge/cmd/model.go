package cmd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"bongsu/edge/config"
	"bongsu/models/catalog"
	"bongsu/models/nano"
	"bongsu/models/ort"
)

type modelOpts struct {
	models, config, manifest *string
	accept                   *bool
	score                    scoreOpts
}

func modelVerb() *verb {
	return &verb{name: "model", summary: "list, install, add, remove, verify and score detection models",
		usage: "[--models DIR | --config edge.yaml] list | catalogue | install [--accept-licence] [--manifest FILE] NAME|FILE|URL | add [--manifest FILE] FILE.onnx | remove NAME | verify [NAME ...] | score --data DIR [--beside NAME] NAME|FILE|FOLDER",
		about: `Keeps the model folder.

add checks the file against its manifest (FILE.yaml or manifest.yaml beside it, --manifest, or one
that this program brings for well-known files), puts the nodes that prepare a picture ahead of it,
and runs it once before it can be used; it prints the name.

install does the same with bongsu-nano, which comes with this program and needs no network; with a
public model, which it downloads by its name; with a file; or with what an https address gives
(--manifest says what it is, unless the program knows the file). For what comes from the network it
asks whether you accept the licence; --accept-licence answers that. A download that was cut goes on
with the same command. The file must have the hash that this program or the manifest knows; where
nobody knows one, the first file counts: its hash is shown and kept in trusted.json in the model
folder, and another file from the same address is refused. Nothing half-installed is ever left.
catalogue lists bongsu-nano and the public models.

verify hashes and runs installed models again; without names all of them.

score runs a model over labelled pictures as a camera would be and prints average precision at an
overlap of 0.5 by class, time, weather and size, how many people are found at a precision of 0.9, and
what a picture costs. The pictures are those of bongsu-edge scene dataset, or photographs labelled as
by PASCAL VOC or with people of COCO. The model need not be installed: a file, a folder with
manifest.yaml, or the name of one that comes with this program will do. Judged is what is seen by half
at least and 24 of 360 rows high (docs/design/models.md).

Exit codes: 0 done, 1 not done (nothing was changed), 2 wrong words or a licence that nobody accepted,
3 verify found a model that cannot be used, or score one under --least-map50 or --least-recall.`,
		example: "bongsu-edge model --models /var/lib/bongsu-edge/models add yolox_nano_416.onnx\n" +
			"bongsu-edge model catalogue\n" +
			"bongsu-edge model install bongsu-nano\n" +
			"bongsu-edge model install --accept-licence yolox-tiny\n" +
			"bongsu-edge model install --manifest gate.yaml https://models.example/gate.onnx\n" +
			"bongsu-edge scene dataset --out held-out --look held-out --scenes 60 --frames 10 --seed 7\n" +
			"bongsu-edge model score bongsu-nano --data held-out --beside yolox_nano_416 --json scores.json",
		flags: func(fs *flag.FlagSet) any {
			o := &modelOpts{
				models:   fs.String("models", "", "the model folder; without it the one that --config names"),
				config:   fs.String("config", "/etc/bongsu/edge.yaml", "configuration that names the model folder"),
				manifest: fs.String("manifest", "", "the manifest of the file to add or install"),
				accept:   fs.Bool("accept-licence", false, "the licence of the model to install is accepted"),
				score:    newScoreOpts(),
			}
			o.score.define(fs)
			return o
		},
		run: runModel}
}

func runModel(ctx context.Context, m *Main, c *call) error {
	o := c.opts.(*modelOpts)
	// Flags may stand before and after the word: "model add --models DIR FILE".
	word, rest, err := wordThenFlags(c, func(fs *flag.FlagSet) {
		fs.StringVar(o.models, "models", *o.models, "")
		fs.StringVar(o.config, "config", *o.config, "")
		fs.StringVar(o.manifest, "manifest", *o.manifest, "")
		fs.BoolVar(o.accept, "accept-licence", *o.accept, "")
		o.score.define(fs)
	})
	if err != nil {
		return err
	}
	if word == "catalogue" && len(rest) == 0 {
		return listPublics(m)
	}
	if word == "score" && len(rest) == 1 {
		return scoreModel(ctx, m, o, rest[0])
	}
	cat, err := openCatalog(*o.models, *o.config, word == "add" || word == "install" || word == "verify")
	if err != nil {
		return err
	}
	switch {
	case word == "list" && len(rest) == 0:
		return listModels(m, cat)
	case word == "add" && len(rest) == 1:
		model, err := cat.Add(ctx, rest[0], *o.manifest)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(m.Stdout, model.Manifest.Name)
		return err
	case word == "install" && len(rest) == 1:
		return installModel(ctx, m, cat, o, rest[0])
	case word == "remove" && len(rest) == 1:
		return cat.Remove(ctx, rest[0])
	case word == "verify":
		return verifyModels(ctx, m, cat, rest)
	}
	return usageError{"say list, catalogue, install NAME|FILE|URL, add FILE.onnx, remove NAME, verify [NAME ...] or score NAME --data DIR"}
}

// wordThenFlags takes the first word and reads flags that stand anywhere behind it.
func wordThenFlags(c *call, define func(*flag.FlagSet)) (word string, rest []string, err error) {
	if len(c.args) == 0 {
		return "", nil, usageError{"a word is missing: " + c.verb.usage}
	}
	fs := flag.NewFlagSet(c.verb.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	define(fs)
	for args := c.args[1:]; ; args = fs.Args()[1:] {
		switch err := fs.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return "", nil, err // Run shows the verb's help
		case err != nil:
			return "", nil, usageError{err.Error()}
		case fs.NArg() == 0:
			return c.args[0], rest, nil
		}
		rest = append(rest, fs.Arg(0))
	}
}

// openCatalog opens the model folder that is named, or that the configuration names; with try
// also for the trial run that Add and Verify need.
func openCatalog(dir, configFile string, try bool) (*catalog.Catalog, error) {
	if dir == "" {
		cfg, err := config.Load(configFile)
		if err != nil {
			return nil, err
		}
		dir = cfg.ModelsDir
	}
	o := catalog.Options{Dir: dir, Tool: "bongsu-edge " + Version, BuiltIn: builtIns()}
	if try {
		lib, err := ort.Locate("")
		if err != nil {
			return nil, err
		}
		if err := ort.Load(lib); err != nil {
			return nil, err
		}
		o.Try = ort.Try
	}
	return catalog.Open(o), nil
}

// builtIns are the models that come inside this program.
func builtIns() []catalog.BuiltIn {
	return []catalog.BuiltIn{{Manifest: nano.Manifest(), Model: nano.Model()}}
}

func listModels(m *Main, cat *catalog.Catalog) error {
	list, listErr := cat.List()
	w := tabwriter.NewWriter(m.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tFAMILY\tINPUT\tLICENCE\tSHA-256")
	for _, md := range list {
		f := md.Manifest
		fmt.Fprintf(w, "%s\t%s\t%s\t%dx%d\t%s\t%.12s\n", f.Name, f.Version, f.Family, f.Input.Width, f.Input.Height, f.Licence, f.SHA256)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return listErr
}

func verifyModels(ctx context.Context, m *Main, cat *catalog.Catalog, names []string) error {
	if len(names) == 0 {
		list, err := cat.List()
		if err != nil {
			return err
		}
		for _, md := range list {
			names = append(names, md.Manifest.Name)
		}
	}
	bad := 0
	for _, name := range names {
		if err := cat.Verify(ctx, name); err != nil {
			bad++
			fmt.Fprintf(m.Stdout, "%s: %s\n", name, err)
			continue
		}
		fmt.Fprintf(m.Stdout, "%s: good\n", name)
	}
	if bad > 0 {
		return foundError{fmt.Sprintf("%d of %d models cannot be used", bad, len(names))}
	}
	return nil
}
