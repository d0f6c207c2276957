// Package benchmarks holds runs over whole stretches of the system, and their results as text.
package benchmarks
