package truth

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"bongsu"
)

// COCO writes the annotations of several clips as one file of COCO's object detection format
// (cocodataset.org, "Data format"). Add appends a clip, Write ends.
type COCO struct {
	// Name gives the file name of a frame's picture; nil: <clip>/<index, six digits>.jpg.
	Name func(clip string, index int) string
	// Class names an object's category, "" leaves the object out; nil: its class, and "fallen
	// person" for a person that lies.
	Class func(*Object) string

	file       cocoFile
	categories map[string]int
}

// Names of the categories of COCO.Class by default.
const fallenPerson = "fallen person"

type cocoFile struct {
	Info        cocoInfo         `json:"info"`
	Images      []cocoImage      `json:"images"`
	Annotations []cocoAnnotation `json:"annotations"`
	Categories  []cocoCategory   `json:"categories"`
}

type cocoInfo struct {
	Description string `json:"description"`
}

type cocoImage struct {
	ID       int    `json:"id"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	FileName string `json:"file_name"`
	Clip     string `json:"clip"`
	Index    int    `json:"frame_index"`
}

type cocoAnnotation struct {
	ID         int        `json:"id"`
	Image      int        `json:"image_id"`
	Category   int        `json:"category_id"`
	BBox       [4]float64 `json:"bbox"` // left, top, width, height in pixels
	Area       float64    `json:"area"`
	Crowd      int        `json:"iscrowd"`
	Track      int        `json:"track_id"`
	State      string     `json:"state"`
	Visibility float64    `json:"visibility"`
}

type cocoCategory struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// cocoOrder keeps the numbers of categories the same whatever clips are added.
var cocoOrder = []string{string(bongsu.ClassPerson), fallenPerson, string(bongsu.ClassBicycle), string(bongsu.ClassMotorcycle), string(bongsu.ClassCar),
	string(bongsu.ClassTruck), string(bongsu.ClassBus), string(bongsu.ClassBag), string(bongsu.ClassAnimal), string(bongsu.ClassFire), string(bongsu.ClassSmoke)}

// DefaultCOCOClass is an object's class, or "fallen person" for a person that lies.
func DefaultCOCOClass(o *Object) string {
	if o.Class == bongsu.ClassPerson && o.State == StateFallen {
		return fallenPerson
	}
	return string(o.Class)
}

// Add appends the frames of a clip.
func (c *COCO) Add(s *Sequence) {
	name, class := c.Name, c.Class
	if name == nil {
		name = func(clip string, index int) string { return fmt.Sprintf("%s/%06d.jpg", clip, index) }
	}
	if class == nil {
		class = DefaultCOCOClass
	}
	for i := range s.Frames {
		f := &s.Frames[i]
		id := len(c.file.Images) + 1
		c.file.Images = append(c.file.Images, cocoImage{ID: id, Width: s.WidthPX, Height: s.HeightPX, FileName: name(s.Name, f.Index), Clip: s.Name, Index: f.Index})
		for j := range f.Objects {
			if word := class(&f.Objects[j]); word != "" {
				c.annotate(s, &f.Objects[j], id, word)
			}
		}
	}
}

func (c *COCO) annotate(s *Sequence, o *Object, image int, class string) {
	if c.categories == nil {
		c.categories = map[string]int{}
		for _, w := range cocoOrder {
			c.category(w)
		}
	}
	round := func(v float32, side int) float64 { return math.Round(float64(v)*float64(side)*100) / 100 }
	a := cocoAnnotation{ID: len(c.file.Annotations) + 1, Image: image, Category: c.category(class), Track: o.ID, State: o.State,
		Visibility: math.Round(float64(o.Visibility)*1000) / 1000}
	a.BBox = [4]float64{round(o.Box.X0, s.WidthPX), round(o.Box.Y0, s.HeightPX), round(o.Box.Width(), s.WidthPX), round(o.Box.Height(), s.HeightPX)}
	a.Area = math.Round(a.BBox[2]*a.BBox[3]*100) / 100
	c.file.Annotations = append(c.file.Annotations, a)
}

func (c *COCO) category(name string) int {
	if id, ok := c.categories[name]; ok {
		return id
	}
	id := len(c.categories) + 1
	c.categories[name] = id
	c.file.Categories = append(c.file.Categories, cocoCategory{ID: id, Name: name})
	return id
}

// Write writes the file. The same clips in the same order give the same bytes.
func (c *COCO) Write(w io.Writer) error {
	f := c.file
	f.Info.Description = "rendered scenes with exact truth"
	if f.Images == nil {
		f.Images = []cocoImage{}
	}
	if f.Annotations == nil {
		f.Annotations, f.Categories = []cocoAnnotation{}, []cocoCategory{}
	}
	b := bufio.NewWriter(w)
	if err := json.NewEncoder(b).Encode(f); err != nil {
		return err
	}
	return b.Flush()
}
