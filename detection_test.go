package bongsu

import "testing"

func TestIs(t *testing.T) {
	words := []Class{ClassPerson, ClassFallenPerson, ClassBicycle, ClassMotorcycle, ClassCar, ClassBus, ClassTruck, ClassLargeVehicle,
		ClassBag, ClassAnimal, ClassFire, ClassSmoke, "boat"}
	yes := map[[2]Class]bool{
		{ClassFallenPerson, ClassPerson}: true,
		{ClassBus, ClassLargeVehicle}:    true, {ClassTruck, ClassLargeVehicle}: true,
		{ClassLargeVehicle, ClassBus}: true, {ClassLargeVehicle, ClassTruck}: true,
	}
	for _, c := range words {
		for _, word := range words {
			if want := c == word || yes[[2]Class{c, word}]; c.Is(word) != want {
				t.Errorf("a %s is meant by %s: %v", c, word, !want)
			}
		}
	}
}

func TestAlike(t *testing.T) {
	groups := [][]Class{{ClassPerson, ClassFallenPerson}, {ClassBicycle, ClassMotorcycle}, {ClassCar, ClassBus, ClassTruck, ClassLargeVehicle},
		{ClassBag}, {ClassAnimal}, {ClassFire}, {ClassSmoke}, {"boat"}, {""}}
	for i, g := range groups {
		for j, h := range groups {
			for _, a := range g {
				for _, b := range h {
					if a.Alike(b) != (i == j) {
						t.Errorf("%q and %q: %v", a, b, i != j)
					}
					if a.Is(b) && !a.Alike(b) {
						t.Errorf("a %s is meant by %s, but they are not alike", a, b)
					}
				}
			}
		}
	}
}
