package clock

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseMode returns the rate of a mode as the command line and scenarios write
// it: "real" is 1, "virtual" is 0, "x60" is sixty times faster than real,
// "x0.5" half as fast. The number after the x is decimal, above 0 and at most MaxRate.
func ParseMode(mode string) (rate float64, err error) {
	switch mode {
	case "real":
		return Real, nil
	case "virtual":
		return Virtual, nil
	}
	number, scaled := strings.CutPrefix(mode, "x")
	if scaled && number != "" && strings.Trim(number, "0123456789.") == "" {
		rate, err = strconv.ParseFloat(number, 64)
		if err == nil && rate > 0 && rate <= MaxRate {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("clock mode %q: want real, virtual or x and a number up to %.0f, as in x60", mode, MaxRate)
}

// Mode returns the mode that ParseMode understands as this rate.
func Mode(rate float64) string {
	switch rate {
	case Real:
		return "real"
	case Virtual:
		return "virtual"
	}
	return "x" + strconv.FormatFloat(rate, 'f', -1, 64)
}
