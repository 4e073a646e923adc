// Package forward hands events on: River carries the work, the [Store] keeps the truth.
package forward
