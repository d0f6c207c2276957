package eval

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write prints a report for people. Rows of classes with few things are marked.
func (r *Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s %s (%.12s) on %d pictures\n\n", r.Model, r.Version, r.SHA256, r.Pictures)
	fmt.Fprint(t, "class\tthings\tAP50\trecall at precision 0.9\tfrom score\n")
	for _, c := range r.Classes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.2f\n", c.Class, things(c.Things), value(c.AP50, c.Things), value(c.At90.Recall, c.Things), c.At90.Score)
	}
	fmt.Fprintf(t, "mean of classes\t\t%.3f\t\t\n", r.MAP50)
	if len(r.Conditions) > 0 {
		fmt.Fprint(t, "\ncondition\tpictures\tmean AP50\tperson AP50\tlowest class\n")
	}
	for _, c := range r.Conditions {
		person := c.find("person")
		fmt.Fprintf(t, "%s %s\t%d\t%s\t%s\t%s\n", c.Condition, c.Value, c.Pictures, value(c.MAP50, c.judged()), value(person.AP50, person.Things), c.lowest())
	}
	fmt.Fprintf(t, "\none picture\t%s median\t%s nine in ten\t%s of a processor\n", ms(r.Time.Median), ms(r.Time.P90), ms(r.Time.CPU))
	return t.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func things(n int) string {
	if n < FewThings {
		return fmt.Sprintf("%d (few)", n)
	}
	return fmt.Sprint(n)
}

// value is a score, or a dash where there was nothing to score.
func value(v float64, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", v)
}

func (c *ClassesScore) find(class string) ClassScore {
	for _, k := range c.Classes {
		if k.Class == class {
			return k
		}
	}
	return ClassScore{}
}

// judged counts the things of the classes that the mean is over.
func (c *ClassesScore) judged() (n int) {
	for _, k := range c.Classes {
		if k.counts(FewThings) {
			n += k.Things
		}
	}
	return n
}

func (c *ClassesScore) lowest() string {
	low := ClassScore{AP50: 2}
	for _, k := range c.Classes {
		if k.counts(FewThings) && k.AP50 < low.AP50 {
			low = k
		}
	}
	if low.Class == "" {
		return "-"
	}
	return fmt.Sprintf("%s %.3f", low.Class, low.AP50)
}

// WriteBeside prints the classes that two reports share, side by side.
func WriteBeside(w io.Writer, a, b *Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "the same pictures\tthings\tAP50: %s\t%s\trecall at precision 0.9: %s\t%s\n", a.Model, b.Model, a.Model, b.Model)
	for _, c := range a.Classes {
		o := b.Find(c.Class)
		if o.Things == 0 {
			continue
		}
		same := things(c.Things)
		if c.Things != o.Things {
			same = strings.Join([]string{things(c.Things), things(o.Things)}, ", ")
		}
		fmt.Fprintf(t, "%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\n", c.Class, same, c.AP50, o.AP50, c.At90.Recall, o.At90.Recall)
	}
	fmt.Fprintf(t, "one picture, median\t\t%s\t%s\t\t\n", ms(a.Time.Median), ms(b.Time.Median))
	fmt.Fprintf(t, "of a processor, median\t\t%s\t%s\t\t\n", ms(a.Time.CPU), ms(b.Time.CPU))
	return t.Flush()
}
