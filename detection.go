package bongsu

// Class is a domain word for what was seen. All models share these words: a model's manifest
// maps its own labels to them.
type Class string

// Classes that rules know. A manifest may name others; rules match them by equality.
const (
	ClassPerson     Class = "person"
	ClassBicycle    Class = "bicycle"
	ClassMotorcycle Class = "motorcycle"
	ClassCar        Class = "car"
	ClassBus        Class = "bus"
	ClassTruck      Class = "truck"
	ClassBag        Class = "bag"
	ClassAnimal     Class = "animal"
	ClassFire       Class = "fire"
	ClassSmoke      Class = "smoke"
)

// Point is a place in a picture, 0..1 of its width (X, to the right) and height (Y, down).
type Point struct {
	X float32 `json:"x"`
	Y float32 `json:"y"`
}

// Box is an axis-parallel rectangle in 0..1 of the full picture, X0 ≤ X1 and Y0 ≤ Y1.
type Box struct {
	X0 float32 `json:"x0"`
	Y0 float32 `json:"y0"`
	X1 float32 `json:"x1"`
	Y1 float32 `json:"y1"`
}

// Width is the box's width in 0..1 of the picture's.
func (b Box) Width() float32 { return b.X1 - b.X0 }

// Height is the box's height in 0..1 of the picture's.
func (b Box) Height() float32 { return b.Y1 - b.Y0 }

// Foot is the middle of the lower edge: where what the box holds touches the ground.
func (b Box) Foot() Point { return Point{(b.X0 + b.X1) / 2, b.Y1} }

// Centre is the middle of the box.
func (b Box) Centre() Point { return Point{(b.X0 + b.X1) / 2, (b.Y0 + b.Y1) / 2} }

// Area is in 0..1 of the picture's area; 0 for an empty or reversed box.
func (b Box) Area() float32 {
	w, h := b.Width(), b.Height()
	if w <= 0 || h <= 0 {
		return 0
	}
	return w * h
}

// IoU is the intersection of b and o over their union, 0..1 (Jaccard index).
func (b Box) IoU(o Box) float32 {
	in := Box{max(b.X0, o.X0), max(b.Y0, o.Y0), min(b.X1, o.X1), min(b.Y1, o.Y1)}.Area()
	if in == 0 {
		return 0
	}
	return in / (b.Area() + o.Area() - in)
}

// Detection is one thing a model saw in one picture.
type Detection struct {
	Box   Box     // in 0..1 of the full picture
	Class Class   // a domain word shared by all models
	Score float32 // 0..1, the model's own
}
