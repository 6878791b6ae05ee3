package spec

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// candidate is a response that may be answered with.
type candidate struct {
	status   int
	response *openapi3.Response
}

// responsesOf are the responses of an operation, in the order in which they
// are preferred: the lowest success, the success range, the default, then the
// others by status.
func responsesOf(op *openapi3.Operation) []candidate {
	type keyed struct {
		rank int
		candidate
	}
	var all []keyed
	for key, ref := range op.Responses.Map() {
		if ref == nil || ref.Value == nil {
			continue
		}
		status, rank := 0, 3
		switch code, err := strconv.Atoi(key); {
		case err == nil && code >= 200 && code < 300:
			status, rank = code, 0
		case err == nil:
			status = code
		case strings.EqualFold(key, "2XX"):
			status, rank = http.StatusOK, 1
		case strings.EqualFold(key, "default"):
			status, rank = http.StatusOK, 2
		case len(key) == 3 && key[0] >= '1' && key[0] <= '5':
			status = int(key[0]-'0') * 100
		default:
			continue
		}
		all = append(all, keyed{rank, candidate{status, ref.Value}})
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return a.status - b.status
	})
	out := make([]candidate, len(all))
	for i := range all {
		out[i] = all[i].candidate
	}
	return out
}

// responseFor is the response declared for a status: by itself, by its range,
// or as the default.
func responseFor(op *openapi3.Operation, status int) (candidate, error) {
	ref := op.Responses.Status(status)
	if ref == nil {
		ref = op.Responses.Default()
	}
	if ref == nil || ref.Value == nil {
		declared := slices.Sorted(maps.Keys(op.Responses.Map()))
		return candidate{}, &AnswerError{http.StatusNotFound, fmt.Sprintf(
			"operation %s declares no answer with status %d; expected one of %s", op.OperationID, status, strings.Join(declared, ", "))}
	}
	return candidate{status, ref.Value}, nil
}

// offer is a media type of a response.
type offer struct {
	mediaType string // without wildcards
	wild      bool   // the contract declares a range
	content   *openapi3.MediaType
}

// offersOf are the media types of a response, the preferred first.
func offersOf(response *openapi3.Response) []offer {
	var out []offer
	for key, content := range response.Content {
		if content == nil {
			continue
		}
		for name := range strings.SplitSeq(key, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			mediaType := concrete(name)
			out = append(out, offer{mediaType, mediaType != name, content})
		}
	}
	slices.SortFunc(out, func(a, b offer) int {
		if d := mediaRank(a.mediaType) - mediaRank(b.mediaType); d != 0 {
			return d
		}
		if d := strings.Compare(a.mediaType, b.mediaType); d != 0 || a.wild == b.wild {
			return d
		}
		if a.wild {
			return 1
		}
		return -1
	})
	return slices.CompactFunc(out, func(a, b offer) bool { return a.mediaType == b.mediaType })
}

// concrete is a media type for a range of them.
func concrete(mediaType string) string {
	switch mediaType {
	case "*/*", "application/*":
		return "application/json"
	case "text/*":
		return "text/plain"
	case "image/*":
		return "image/png"
	}
	return mediaType
}

// mediaRank orders media types by how much they are preferred.
func mediaRank(mediaType string) int {
	base := baseType(mediaType)
	switch {
	case base == "application/json":
		return 0
	case isJSONType(base):
		return 1
	case base == "text/plain":
		return 2
	}
	return 3
}

// baseType is a media type without its parameters.
func baseType(mediaType string) string {
	base, _, _ := strings.Cut(mediaType, ";")
	return strings.TrimSpace(base)
}

// negotiate orders the media types of a response as the Accept header does and
// leaves out those it refuses. Equally welcome ones keep their order.
func negotiate(offers []offer, accept string) []offer {
	if strings.TrimSpace(accept) == "" {
		return offers
	}
	type weighted struct {
		offer
		q float64
	}
	var welcome []weighted
	for _, o := range offers {
		if q := quality(accept, o.mediaType); q > 0 {
			welcome = append(welcome, weighted{o, q})
		}
	}
	slices.SortStableFunc(welcome, func(a, b weighted) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	out := make([]offer, len(welcome))
	for i := range welcome {
		out[i] = welcome[i].offer
	}
	return out
}

// quality is how welcome a media type is: the weight of the most specific
// range of the Accept header that it falls into, 0 for none.
func quality(accept, mediaType string) float64 {
	base := baseType(mediaType)
	major, _, _ := strings.Cut(base, "/")
	best, at := 0.0, 0
	for part := range strings.SplitSeq(accept, ",") {
		fields := strings.Split(strings.ToLower(part), ";")
		given, specific := strings.TrimSpace(fields[0]), 0
		switch given {
		case base:
			specific = 3
		case major + "/*":
			specific = 2
		case "*/*", "*":
			specific = 1
		}
		if specific <= at {
			continue
		}
		at, best = specific, 1
		for _, field := range fields[1:] {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			if strings.TrimSpace(name) != "q" {
				continue
			}
			if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				best = q
			}
		}
	}
	return best
}

// notAcceptable says which media types there are.
func notAcceptable(accept string, offers []offer) error {
	names := make([]string, len(offers))
	for i := range offers {
		names[i] = offers[i].mediaType
	}
	return &AnswerError{http.StatusNotAcceptable, fmt.Sprintf("nothing of %q is available; expected one of %s", accept, strings.Join(names, ", "))}
}

// exampleNames are the names of the examples of a media type in the order in
// which one is chosen: the ones that speak of success, then by name, because
// kin-openapi does not keep the document's order.
func exampleNames(content *openapi3.MediaType) []string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(content.Examples)), func(name string) bool {
		ref := content.Examples[name]
		return ref == nil || ref.Value == nil || ref.Value.ExternalValue != ""
	})
	rank := func(name string) int {
		if i := slices.Index([]string{"success", "default", "ok"}, strings.ToLower(name)); i >= 0 {
			return i
		}
		return 3
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// namedExample finds an example by name: in the given responses, in order, in
// their media types, in order. Its error names the examples there are.
func namedExample(op *openapi3.Operation, responses []candidate, name, accept string) (candidate, offer, any, error) {
	var known []string
	for _, c := range responses {
		for _, o := range negotiate(offersOf(c.response), accept) {
			if ref := o.content.Examples[name]; ref != nil && ref.Value != nil && ref.Value.ExternalValue == "" {
				return c, o, ref.Value.Value, nil
			}
			known = append(known, exampleNames(o.content)...)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	reason := fmt.Sprintf("operation %s has no example %q", op.OperationID, name)
	switch near := nearest(name, known); {
	case len(known) == 0:
		reason += "; it has no named examples here"
	case near != "":
		reason += fmt.Sprintf("; did you mean %q? expected one of %s", near, strings.Join(known, ", "))
	default:
		reason += "; expected one of " + strings.Join(known, ", ")
	}
	return candidate{}, offer{}, nil, &AnswerError{http.StatusNotFound, reason}
}
