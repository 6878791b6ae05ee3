package contracttest

import (
	"cmp"
	"maps"
	"slices"
)

// How what an Observer finds is counted, gathered and reported.

// take counts what was looked at, and gathers findings by their causes.
func (o *Observer) take(j *jotting) {
	operation := cmp.Or(j.x.Operation, unknownCalls)
	for _, check := range j.checks {
		o.report.Asked[check]++
		key := tally{operation, check}
		if o.results[key] == nil {
			o.results[key] = &Result{Operation: operation, Check: check, Case: "traffic", Status: Passed}
		}
	}
	all := j.seen.Findings
	j.seen.Findings = nil
	for _, f := range all {
		r := o.results[tally{operation, f.Check}]
		if i := slices.IndexFunc(o.options.Known, func(d Deviation) bool { return d.covers(&f) }); i >= 0 {
			o.report.Known, _ = o.gather(o.report.Known, f)
			if r.Status == Passed {
				r.Status = Deviates
			}
			j.seen.Known = append(j.seen.Known, f)
			continue
		}
		r.Status = Failed
		j.seen.Findings = append(j.seen.Findings, f)
		var fresh bool
		if o.report.Causes, fresh = o.gather(o.report.Causes, f); fresh {
			j.seen.New = append(j.seen.New, f)
		}
		if fresh && len(r.Findings) < maxCases {
			r.Findings = append(r.Findings, f)
		}
	}
}

// gather is the function of that name with bounds; it says whether the cause is
// a new one.
func (o *Observer) gather(causes []Cause, f Finding) ([]Cause, bool) {
	id := f.CauseID()
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.ID == id })
	if i < 0 && len(causes) == maxCauses {
		o.dropped++
		return causes, false
	}
	out := gather(causes, f, "", nil)
	c := &out[max(i, 0)]
	if i < 0 {
		c = &out[len(out)-1]
	}
	c.Cases = c.Cases[:min(len(c.Cases), maxCases)]
	return out, i < 0
}

// Dropped is how many findings were not kept because there were too many
// causes.
func (o *Observer) Dropped() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Report is what was found so far: a result for each operation and check. An
// operation that no exchange was for counts as not run.
func (o *Observer) Report() *Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := newReport(o.report.Target, Passive, o.judge)
	r.Requests = o.report.Requests
	r.Causes, r.Known = slices.Clone(o.report.Causes), slices.Clone(o.report.Known)
	maps.Copy(r.Asked, o.report.Asked)
	for id, outcomes := range o.report.Coverage.Outcomes {
		r.Coverage.Outcomes[id] = maps.Clone(outcomes)
	}
	ids := []string{}
	for _, op := range o.contract.Operations() {
		ids = append(ids, op.ID)
	}
	for _, id := range append(ids, unknownCalls) {
		before := len(r.Results)
		for _, c := range Checks() {
			if result := o.results[tally{id, c.ID}]; result != nil {
				r.Results = append(r.Results, *result)
			}
		}
		if len(r.Results) == before && id != unknownCalls {
			r.Results = append(r.Results, Result{
				Operation: id, Check: "response.delivered", Case: "traffic", Status: NotRun, Reason: "not seen in the traffic",
			})
		}
	}
	slices.SortStableFunc(r.Causes, func(a, b Cause) int { return cmp.Compare(order(a.Check), order(b.Check)) })
	return r
}

// Unseen are the operations that no exchange was for, sorted as the contract
// has them.
func (o *Observer) Unseen() []string {
	var out []string
	for _, r := range o.Report().Results {
		if r.Status == NotRun {
			out = append(out, r.Operation)
		}
	}
	return out
}

// Unavailable is the body with which the platform's gateway says that a service
// cannot be reached; false in a contract without one.
func (o *Observer) Unavailable() ([]byte, bool) {
	env, ok := o.contract.Envelope("gateway")
	if !ok {
		return nil, false
	}
	def, ok := o.contract.Error(env.Refusals["unavailable"])
	if !ok {
		return nil, false
	}
	params := make([]param, 0, len(def.Body))
	for _, m := range def.Body {
		params = append(params, param{name: m.Name, json: m.Value})
	}
	return []byte(object(params)), true
}
