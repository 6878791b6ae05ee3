package contracttest

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// What the report looks like as a page. It is written in Go and not as a
// template: whoever executes templates calls methods by name, and the linker
// then keeps every exported method of the program. Texts and attributes are
// escaped where they are written; only the style sheet, which is ours, goes in as
// it is.

//go:embed report.css
var reportCSS string

// write writes the page.
func (p *page) write(w io.Writer) error {
	out := bufio.NewWriter(w)
	if err := (g.Group{g.Raw("<!DOCTYPE html>\n"), h.HTML(h.Lang("en"), p.head(), p.body())}).Render(out); err != nil {
		return err
	}
	return out.Flush()
}

func (p *page) head() g.Node {
	return h.Head(
		h.Meta(h.Charset("utf-8")),
		h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
		h.Meta(g.Attr("http-equiv", "Content-Security-Policy"), h.Content("default-src 'none'; style-src 'unsafe-inline'")),
		h.Meta(h.Name("color-scheme"), h.Content("light dark")),
		h.TitleEl(g.Text(p.Verdict+" · contract report · "+p.Target)),
		h.StyleEl(g.Raw("\n"+reportCSS)),
	)
}

func (p *page) body() g.Node {
	return h.Body(
		p.header(),
		h.Main(p.tiles(), p.findings(), p.coverage(), p.steps(), p.missing(), p.cases()),
		h.Footer(
			g.Textf("emu contract · report version %d · %s, SHA-256 ", p.Version, p.Contract.Name), mono(p.Contract.SHA256), h.Br(),
			g.Text("Secrets are replaced by names that begin with $. Of values that were not right, the kind is told and not the value."),
		),
	)
}

// header is what came of the run, and of which run.
func (p *page) header() g.Node {
	fact := func(name, class, value string) g.Node {
		return h.Span(g.Text(name+" "), h.B(g.If(class != "", h.Class(class)), g.Text(value)))
	}
	return h.Header(h.Div(
		h.H1(g.Text("Contract report "), badge(either(p.Passed, "good", "bad"), p.Verdict)),
		h.P(
			h.Class("facts"),
			fact("target", "mono", p.Target), fact("mode", "", string(p.Mode)), fact("began", "", p.Began),
			fact("took", "", strconv.FormatFloat(p.Seconds, 'f', 1, 64)+" s"), fact("contract", "mono", p.Contract.Name),
		),
		g.If(p.Why != "", h.P(h.Class("soft"), h.Style("margin:.5rem 0 0"), g.Text(p.Why))),
		h.Nav(
			h.A(h.Href("#findings"), g.Text("Findings")),
			g.If(len(p.Known) > 0, h.A(h.Href("#known"), g.Text("Known deviations"))),
			h.A(h.Href("#coverage"), g.Text("Coverage")),
			h.A(h.Href("#lifecycle"), g.Text("Lifecycle")),
			h.A(h.Href("#missing"), g.Text("Not run")),
			h.A(h.Href("#cases"), g.Text("All cases")),
		),
	))
}

// tiles are the figures at a glance.
func (p *page) tiles() g.Node {
	tile := func(class string, n int, what string) g.Node {
		return h.Div(h.Class("tile"+class), h.B(number(n)), h.Span(g.Text(what)))
	}
	return h.Div(
		h.Class("tiles"),
		tile(either(len(p.Causes) > 0, " hot", " fine"), len(p.Causes), plural(len(p.Causes), "finding")),
		tile("", p.Passes, fmt.Sprintf("of %d cases passed", len(p.Results))),
		tile(either(p.Fails > 0, " hot", ""), p.Fails, "failed"),
		tile("", p.Deviating, "deviate as known"),
		tile("", p.Missed, "not run"),
		tile("", p.Requests, "requests"),
	)
}

// findings are the causes, open and known, and the known that are no more.
func (p *page) findings() g.Node {
	out := g.Group{section("findings", "Findings ", either(len(p.Causes) > 0, "what does not keep the contract, one entry for each cause", ""))}
	if len(p.Causes) == 0 {
		out = append(out, h.P(h.Class("empty"), g.Text(either(p.Tested,
			"Nothing was found that does not keep the contract.", "No check was run; that is no success."))))
	}
	for i := range p.Causes {
		out = append(out, causeEntry{p.Causes[i], i == 0, false}.node())
	}
	if len(p.Known) > 0 {
		out = append(out, section("known", "Known deviations ", "found, and on the list of what is accepted"))
	}
	for i := range p.Known {
		out = append(out, causeEntry{p.Known[i], false, true}.node())
	}
	if len(p.Passing) > 0 {
		out = append(out,
			h.H2(g.Text("No longer found "), h.Small(g.Text("take them off the list of known deviations"))),
			table(titles("check", "operation", "case", "reason given"), g.Map(p.Passing, func(d Deviation) g.Node {
				return h.Tr(monoCell(d.Check), monoCell(d.Operation), h.Td(g.Text(d.Case)), h.Td(g.Text(d.Reason)))
			})))
	}
	return out
}

// coverage is what was put to the test.
func (p *page) coverage() g.Node {
	out := g.Group{section("coverage", "Coverage ", "what the contract makes possible, and what of it was put to the test")}
	for i := range p.Thresholds {
		if t := &p.Thresholds[i]; !t.Met {
			out = append(out, h.P(badge("bad", "below"), g.Text(" "+t.String())))
		}
	}
	out = append(out, p.dimensions())
	for i := range p.Coverage.Dimensions {
		d := &p.Coverage.Dimensions[i]
		if len(d.Uncovered) == 0 {
			continue
		}
		out = append(out, fold(g.Textf("%d of %d %s not covered", len(d.Uncovered), d.Possible, d.Name),
			table(nil, g.Map(d.Uncovered, func(u Uncovered) g.Node { return h.Tr(monoCell(u.Name), softCell(u.Why)) }))))
	}
	return append(out, p.outcomes(), p.parameters())
}

// dimensions is the table of the dimensions, each with a bar.
func (p *page) dimensions() g.Node {
	var rows g.Group
	for i := range p.Coverage.Dimensions {
		d := &p.Coverage.Dimensions[i]
		share := percent(d.Percent())
		bar := h.I(g.If(len(d.Uncovered) > 0, h.Class("part")), h.Style("width:"+share+"%"))
		rows = append(rows, h.Tr(
			h.Th(h.Scope("row"), g.Text(d.Name)), countCell(d.Possible), countCell(d.Exercised), h.Td(h.Class("n"), g.Text(share)),
			h.Td(h.Span(h.Class("bar"), bar)), softCell(d.Explain)))
	}
	return table(g.Group{
		titles("dimension"), countTitle("possible"), countTitle("exercised"), countTitle("%"), h.Th(h.Style("width:16%")), titles("what is counted"),
	}, rows)
}

// outcomes is how the exchanges of each operation ended.
func (p *page) outcomes() g.Node {
	columns := g.Group{titles("operation"), g.Map(p.Outcomes, func(o string) g.Node { return h.Th(h.Class("c"), g.Text(o)) })}
	return g.Group{
		h.H3(g.Text("Operations by outcome "), h.Small(g.Text("how many exchanges ended so"))),
		table(columns, matrix(p.Matrix)),
		key(
			h.Span(cell("good", "12"), g.Text(" seen")),
			h.Span(cell("warn", "0"), g.Text(" possible, and never seen")),
			h.Span(cell("bad", "3"), g.Text(" must not be")),
			h.Span(cell("", "–"), g.Text(" not seen, and not asked for")),
		),
	}
}

// parameters is which keyword of which parameter was broken.
func (p *page) parameters() g.Node {
	if len(p.Parameters) == 0 {
		return nil
	}
	return fold(g.Group{g.Text("Parameters by keyword "), soft("how often each was broken")},
		table(titles("operation", "parameter", "broken"), g.Map(p.Parameters, func(row pageParameter) g.Node {
			return h.Tr(monoCell(row.Operation), monoCell(row.Name), h.Td(h.Style("white-space:normal"),
				g.Map(row.Keywords, func(k pageCell) g.Node { return g.Group{badge("good", k.Text+" "+k.Title), g.Text(" ")} })))
		})))
}

// steps is the lifecycle: each operation in each state.
func (p *page) steps() g.Node {
	heading := section("lifecycle", "Lifecycle ", "every step from every state")
	if len(p.Lifecycle) == 0 {
		return g.Group{heading, h.P(h.Class("soft"), g.Text("The contract has no lifecycle."))}
	}
	columns := g.Group{titles("state"), g.Map(p.StepOperations, func(o string) g.Node { return h.Th(h.Class("c mono"), g.Text(o)) })}
	out := g.Group{
		heading,
		table(columns, matrix(p.Lifecycle)),
		key(
			h.Span(cell("good", "✓ 3"), g.Text(" allowed, and taken three times")),
			h.Span(cell("info", "✕ 2"), g.Text(" not allowed, and tried twice")),
			h.Span(cell("warn", "✓ 0"), g.Text(" "), cell("warn", "✕ 0"), g.Text(" never tried")),
		),
	}
	if len(p.Arrows) == 0 {
		return out
	}
	return append(out,
		h.H3(g.Text("Steps "), h.Small(g.Text("by the calls, by the platform, and by other steps"))),
		table(g.Group{titles("step"), countTitle("taken"), countTitle("refused where it must be")}, g.Map(p.Arrows, func(a pageArrow) g.Node {
			return h.Tr(h.Th(h.Scope("row"), h.Class("mono"), g.Text(a.Name)), countCell(a.Taken), countCell(a.Refused))
		})))
}

// missing is what was not run, by reason.
func (p *page) missing() g.Node {
	heading := section("missing", "Not run ", "not passed: not looked at")
	if len(p.Missing) == 0 {
		return g.Group{heading, h.P(h.Class("empty"), g.Text("Every case was run."))}
	}
	return g.Group{heading, g.Map(p.Missing, func(m pageReason) g.Node {
		return fold(g.Group{g.Text(m.Reason + " "), badge("none", counted(len(m.Cases), "case"))},
			h.Ul(h.Class("plain"), g.Map(m.Cases, func(r *Result) g.Node { return caseItem(r.ID, r.Name()) })))
	})}
}

// cases are all cases, by operation.
func (p *page) cases() g.Node {
	columns := g.Group{titles("ID", "check", "case", "status"), countTitle("ms")}
	row := func(r *Result) g.Node {
		status := h.Td(badge(statusClass(r.Status), string(r.Status)))
		if r.Reason != "" {
			status = h.Td(badge(statusClass(r.Status), string(r.Status)), g.Text(" "), soft(r.Reason))
		}
		return h.Tr(monoCell(r.ID), monoCell(r.Check), h.Td(g.Text(r.Case)), status,
			h.Td(h.Class("n"), g.Text(strconv.FormatFloat(1000*r.Seconds, 'f', 1, 64))))
	}
	return g.Group{section("cases", "All cases ", "by operation"), g.Map(p.Groups, func(group pageGroup) g.Node {
		summary := g.Group{mono(group.Operation), g.Text(" "), soft(counted(len(group.Cases), "case"))}
		for _, c := range group.Counts {
			summary = append(summary, g.Text(" "), badge(c.Class, c.Text))
		}
		return fold(summary, table(columns, g.Map(group.Cases, row)))
	})}
}

// node is a cause with all that is known of it.
func (c causeEntry) node() g.Node {
	opened := g.If(c.Open, g.Attr("open"))
	out := g.Group{h.Dl(c.facts())}
	if len(c.Curl) > 0 {
		script := h.Pre(h.Class("all"), g.Map(c.Curl, func(line string) g.Node { return g.Text(line + "\n") }))
		out = append(out, h.Details(opened, h.Summary(g.Text("By hand, in a shell "), soft(fmt.Sprintf("(%d lines; a click selects all)", len(c.Curl)))), h.Div(script)))
	}
	if len(c.Steps) > 0 {
		var steps g.Group
		for i := range c.Steps {
			steps = append(steps, c.Steps[i].node())
		}
		out = append(out, fold(g.Text("What was sent and what came back"), steps))
	}
	out = append(out, fold(g.Text(counted(len(c.Cases), "case")+" with this cause"),
		h.Ul(h.Class("plain"), g.Map(c.Cases, func(name string) g.Node { return caseItem(CaseID(name), name) }))))
	return h.Details(
		h.Class("cause"+either(c.Known, " known", "")), h.ID("cause-"+c.ID), opened,
		h.Summary(
			badge("none mono", c.ID),
			h.Span(h.Class("title"), g.Text(c.Message), h.Small(mono(c.Check), g.Text(" · "+someOf(c.Operations, 4)))),
			badge(either(c.Known, "warn", "bad"), counted(c.Count, "time")),
		),
		h.Div(out),
	)
}

// facts are the rows of what is known of a cause; what is not has none.
func (c *causeEntry) facts() g.Node {
	fact := func(name, class, value string) g.Node {
		return g.If(value != "", g.Group{h.Dt(g.Text(name)), h.Dd(g.If(class != "", h.Class(class)), g.Text(value))})
	}
	out := g.Group{
		fact("accepted", "", c.Reason), fact("expected", "want", c.Expected), fact("actual", "got", c.Actual),
		fact("value", "mono", c.ValuePointer),
	}
	place := g.If(c.at() != "", g.Group{g.Text(" "), h.Span(h.Class("soft mono"), g.Text(c.at()))})
	if c.SpecPointer != "" {
		place = g.Group{h.Dt(g.Text("contract")), h.Dd(mono(c.SpecPointer), place)}
	}
	out = append(out, place)
	if e := c.Evidence; e.Grade != "" {
		out = append(out, h.Dt(g.Text("evidence")), h.Dd(
			badge(gradeClass(e.Grade), e.Grade+either(e.Source != "", " · "+e.Source, "")), g.Text(" "), soft(c.Meaning)))
	}
	return append(out, h.Dt(g.Text("again")), h.Dd(h.Code(h.Class("all"), g.Text(c.again()))))
}

// node is a step: what was sent, and what came back.
func (s *Step) node() g.Node {
	if s.Note != "" {
		return h.Div(h.Class("step"), h.P(h.Class("note"), g.Text(s.Note)))
	}
	sent := Pretty(s.ContentType, s.Body)
	if s.ContentType != "" {
		sent = "Content-Type: " + s.ContentType + "\n\n" + sent
	}
	status := "no answer"
	if s.Status != 0 {
		status = fmt.Sprintf("HTTP %d", s.Status)
	}
	return h.Div(
		h.Class("step"),
		h.P(badge("info", s.Method), g.Text(" "), mono(s.URL)),
		g.If(s.Body != "", h.Pre(g.Text(sent))),
		h.P(badge("none", status), g.Text(" "), soft(s.Outcome)),
		g.If(s.Answer != "", h.Pre(g.Text(Pretty(s.AnswerType, s.Answer)))),
	)
}

// The parts that the page is made of.

func section(id, title, about string) g.Node {
	return h.H2(h.ID(id), g.Text(title), h.Small(g.Text(about)))
}

func fold(summary, content g.Node) g.Node { return h.Details(h.Summary(summary), h.Div(content)) }

func table(columns, rows g.Node) g.Node {
	return h.Div(h.Class("scroll"), h.Table(g.If(columns != nil, h.THead(h.Tr(columns))), h.TBody(rows)))
}

func titles(names ...string) g.Node {
	return g.Map(names, func(name string) g.Node { return h.Th(g.Text(name)) })
}

func countTitle(name string) g.Node { return h.Th(h.Class("n"), g.Text(name)) }

// matrix is the rows of a table of coloured cells.
func matrix(rows []pageRow) g.Node {
	return g.Map(rows, func(row pageRow) g.Node {
		return h.Tr(h.Th(h.Scope("row"), h.Class("mono"), g.Text(row.Operation)), g.Map(row.Cells, func(c pageCell) g.Node {
			return h.Td(h.Class("c"), h.Span(h.Class(classes("cell", c.Class)), g.Attr("title", c.Title), g.Text(c.Text)))
		}))
	})
}

func key(entries ...g.Node) g.Node { return h.P(h.Class("key"), g.Group(entries)) }

func caseItem(id, name string) g.Node { return h.Li(h.Code(g.Text(id)), g.Text(" "+name)) }

func cell(class, text string) g.Node { return h.Span(h.Class(classes("cell", class)), g.Text(text)) }

func badge(class, text string) g.Node {
	return h.Span(h.Class(classes("badge", class)), g.Text(text))
}

func mono(text string) g.Node     { return h.Span(h.Class("mono"), g.Text(text)) }
func soft(text string) g.Node     { return h.Span(h.Class("soft"), g.Text(text)) }
func monoCell(text string) g.Node { return h.Td(h.Class("mono"), g.Text(text)) }
func softCell(text string) g.Node { return h.Td(h.Class("soft"), g.Text(text)) }
func countCell(n int) g.Node      { return h.Td(h.Class("n"), number(n)) }
func number(n int) g.Node         { return g.Text(strconv.Itoa(n)) }

func classes(first, second string) string { return first + either(second != "", " "+second, "") }

func either(yes bool, then, otherwise string) string {
	if yes {
		return then
	}
	return otherwise
}
