package spec

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/gorilla/mux"
)

// Match says which operation a request is for. With no Operation, Allow names
// the methods that its path has; without those either, the path is unknown.
type Match struct {
	Operation *Operation
	Vars      map[string]string
	Allow     []string
}

// methodSet is what a path answers by method.
type methodSet struct {
	ops   []methodOp
	allow []string
}

type methodOp struct {
	method string
	op     *Operation
}

func (s *methodSet) find(method string) *Operation {
	for i := range s.ops {
		if s.ops[i].method == method {
			return s.ops[i].op
		}
	}
	return nil
}

// routes finds operations: paths without variables by a map, the others by
// mux, one flat route for each operation.
type routes struct {
	exact     map[string]*methodSet
	router    *mux.Router
	templates []templateRoute // for Allow
}

// templateRoute is a path with variables, for all its methods.
type templateRoute struct {
	route *mux.Route
	set   *methodSet
}

// buildRoutes compiles the paths. A foreign document's paths are also found
// below the base paths of its servers.
func (c *Contract) buildRoutes() error {
	sets := map[string]*methodSet{}
	var paths []string
	for _, o := range c.operations {
		if sets[o.Path] == nil {
			sets[o.Path] = &methodSet{}
			paths = append(paths, o.Path)
		}
		sets[o.Path].ops = append(sets[o.Path].ops, methodOp{o.Method, o})
	}
	for _, set := range sets {
		if get := set.find(http.MethodGet); get != nil && set.find(http.MethodHead) == nil {
			set.ops = append(set.ops, methodOp{http.MethodHead, get})
		}
		for _, m := range set.ops {
			set.allow = append(set.allow, m.method)
		}
		sort.Strings(set.allow)
	}
	sortTemplates(paths)
	c.routes.exact = make(map[string]*methodSet, len(paths))
	c.routes.router = mux.NewRouter().UseEncodedPath().SkipClean(true)
	bases := []string{""}
	if !c.platform {
		bases = append(bases, c.basePaths()...)
	}
	for _, base := range bases {
		for _, path := range paths {
			if len(templateVars(path)) == 0 {
				if _, taken := c.routes.exact[base+path]; !taken {
					c.routes.exact[base+path] = sets[path]
				}
				continue
			}
			if err := c.routes.addTemplate(base+path, sets[path]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *routes) addTemplate(path string, set *methodSet) error {
	template := muxTemplate(path)
	handler := http.NotFoundHandler() // mux forgets a method mismatch only on routes with a handler
	for _, m := range set.ops {
		if err := r.router.Handle(template, handler).Methods(m.method).Name(m.op.ID).GetError(); err != nil {
			return fmt.Errorf("path %s: %w", path, err)
		}
	}
	route := mux.NewRouter().UseEncodedPath().SkipClean(true).Path(template)
	if err := route.GetError(); err != nil {
		return fmt.Errorf("path %s: %w", path, err)
	}
	r.templates = append(r.templates, templateRoute{route: route, set: set})
	return nil
}

// Match finds the operation for a request by its method and path. HEAD is
// answered by GET, and OPTIONS only where the document declares it.
func (c *Contract) Match(r *http.Request) Match {
	var known *methodSet
	// RawPath is set where the client escaped more than it had to; an escaped
	// slash is part of a segment.
	if r.URL.RawPath == "" || !strings.Contains(strings.ToUpper(r.URL.RawPath), "%2F") {
		if known = c.routes.exact[r.URL.Path]; known != nil {
			if op := known.find(r.Method); op != nil {
				return Match{Operation: op}
			}
		}
	}
	if len(c.routes.templates) > 0 {
		var m mux.RouteMatch
		if c.routes.router.Match(r, &m) && m.Route != nil {
			if op := c.byID[m.Route.GetName()]; op != nil {
				return Match{Operation: op, Vars: op.vars(m.Vars)}
			}
		}
	}
	return Match{Allow: c.allow(r, known)}
}

// allow gathers the methods that a path has.
func (c *Contract) allow(r *http.Request, known *methodSet) []string {
	var out []string
	if known != nil {
		out = slices.Clone(known.allow)
	}
	for _, t := range c.routes.templates {
		var m mux.RouteMatch
		if t.route.Match(r, &m) {
			out = append(out, t.set.allow...)
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}

// vars gives the path variables their own names and decodes them.
func (o *Operation) vars(found map[string]string) map[string]string {
	out := make(map[string]string, len(o.pathVars))
	for i, name := range o.pathVars {
		raw := found[muxVar(i)]
		if text, err := url.PathUnescape(raw); err == nil {
			raw = text
		}
		out[name] = raw
	}
	return out
}

func muxVar(i int) string { return fmt.Sprintf("v%d", i) }

// templateVars returns the names of a path's variables in order.
func templateVars(path string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return out
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return out
		}
		out = append(out, name)
		path = after
	}
}

// muxTemplate writes a path for mux: literal parts escaped as they are on the
// wire, variables numbered, since OpenAPI allows names that mux does not.
func muxTemplate(path string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		literal, rest, ok := strings.Cut(path, "{")
		b.WriteString((&url.URL{Path: literal}).EscapedPath())
		if !ok {
			return b.String()
		}
		_, path, ok = strings.Cut(rest, "}")
		if !ok {
			return b.String()
		}
		b.WriteString("{" + muxVar(i) + "}")
	}
}

// sortTemplates puts the more concrete of two paths first, segment by segment.
func sortTemplates(paths []string) {
	sort.SliceStable(paths, func(i, j int) bool {
		a, b := strings.Split(paths[i], "/"), strings.Split(paths[j], "/")
		for k := 0; k < len(a) && k < len(b); k++ {
			x, y := concreteness(a[k]), concreteness(b[k])
			if x != y {
				return x > y
			}
		}
		return paths[i] < paths[j]
	})
}

// concreteness is how much of a segment is literal.
func concreteness(segment string) int {
	if !strings.Contains(segment, "{") {
		return 1 << 20
	}
	vars := 0
	for _, name := range templateVars(segment) {
		vars += len(name) + 2
	}
	return len(segment) - vars
}

// basePaths returns the paths of the document's servers, without a slash at
// the end.
func (c *Contract) basePaths() []string {
	var out []string
	for _, server := range c.doc.Servers {
		if server == nil {
			continue
		}
		base := server.URL
		for name, v := range server.Variables {
			if v != nil {
				base = strings.ReplaceAll(base, "{"+name+"}", v.Default)
			}
		}
		u, err := url.Parse(base)
		if err != nil {
			continue
		}
		if path := strings.TrimRight(u.Path, "/"); path != "" && !slices.Contains(out, path) {
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			out = append(out, path)
		}
	}
	return out
}
