package main

import "fmt"

// didYouMean returns the end of a complaint about an unknown name: the nearest
// known one, written behind prefix, or nothing when none is near.
func didYouMean(prefix, name string, known []string) string {
	best, bound := "", max(2, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k); d < bound {
			best, bound = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, best)
}

// distance is the number of bytes to insert, delete or replace that make b
// of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
