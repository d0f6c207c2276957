package bongsu

// Class is a domain word for what was seen. All models share these words: a model's manifest
// maps its own labels to them.
type Class string

// Classes that rules know. A manifest may name others; rules match them by equality. These are
// matched by Is.
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

	ClassFallenPerson Class = "fallen-person" // a person who lies: a person as well
	ClassLargeVehicle Class = "large-vehicle" // a bus, a truck or the like, of a model that does not tell them apart
)

// Is reports whether what a model calls c is meant by word: a fallen person is a person, a bus
// is a large vehicle. What a model calls a large vehicle only is meant by bus and by truck too,
// because it may be one: a rule for trucks must not be blind with such a model.
func (c Class) Is(word Class) bool {
	switch word {
	case c:
		return true
	case ClassPerson:
		return c == ClassFallenPerson
	case ClassLargeVehicle:
		return c == ClassBus || c == ClassTruck
	case ClassBus, ClassTruck:
		return c == ClassLargeVehicle
	}
	return false
}

// Alike reports whether one thing can be called both, in one picture or in the next: a person
// falls, and models change their mind about vehicles.
func (c Class) Alike(o Class) bool {
	return c == o || c.kin() != 0 && c.kin() == o.kin()
}

// kin numbers the groups of classes that are alike; 0 is none.
func (c Class) kin() int {
	switch c {
	case ClassPerson, ClassFallenPerson:
		return 1
	case ClassCar, ClassBus, ClassTruck, ClassLargeVehicle:
		return 2
	case ClassBicycle, ClassMotorcycle:
		return 3
	}
	return 0
}

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
